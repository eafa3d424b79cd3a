/** Rows that are removed in one transaction: writers wait no longer than that takes. */
const batchMax = 500;
const pauseMsMax = 60_000;
const pauseMsMin = 1000;

/**
 * A round of a `Repeater` that removes what is older than `retentionMs`, a batch at a time. `purge` removes at most
 * `limit` rows and returns how many. After a full batch the next one follows as soon as writers have had their turn.
 */
export function purgeRound(
	purge: (limit: number) => Promise<number>,
	retentionMs: number,
): () => Promise<number> {
	const pauseMs = Math.min(pauseMsMax, Math.max(pauseMsMin, retentionMs / 10));
	return async () => ((await purge(batchMax)) === batchMax ? 1 : pauseMs);
}
