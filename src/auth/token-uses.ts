import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { Repeater } from "../kernel/repeater.ts";
import type { RunUnit, Unit } from "../kernel/unit-of-work.ts";
import { type AccessToken, accessTokens } from "./store.ts";

export interface TokenUsesDeps {
	readonly run: RunUnit;
	readonly clock: Clock;
	readonly log: Log;
}

/** A token's last use is written once in this time. */
const noteEveryMs = 3_600_000;
const roundEveryMs = 1000;
const batchMax = 500;
/** Beyond this many a use is not noted; the token's next one may be. */
const gatheredMax = 10_000;

/** Writes when tokens were last used, beside the requests that use them. */
export class TokenUses {
	/** When each token was used, by its id. */
	readonly #gathered = new Map<string, number>();
	readonly #repeater: Repeater;

	constructor(private readonly deps: TokenUsesDeps) {
		this.#repeater = new Repeater({
			round: () => this.#round(),
			failure: "The last uses of access tokens cannot be written; trying again.",
			log: deps.log,
		});
	}

	start(): void {
		this.#repeater.start();
	}

	/** Waits for the round in progress and writes what is gathered. Idempotent. */
	async stop(): Promise<void> {
		await this.#repeater.stop();
		try {
			while (this.#gathered.size > 0) await this.#writeBatch();
		} catch (error) {
			this.deps.log.warn({ err: error }, "The last uses of some access tokens were not written.");
		}
	}

	/** Never waits. */
	note({ id, lastUsedAt }: Pick<AccessToken, "id" | "lastUsedAt">): void {
		const now = this.deps.clock();
		if (lastUsedAt !== null && now - lastUsedAt < noteEveryMs) return;
		if (this.#gathered.size < gatheredMax && !this.#gathered.has(id)) this.#gathered.set(id, now);
	}

	async #round(): Promise<number> {
		if (this.#gathered.size > 0) await this.#writeBatch();
		return this.#gathered.size > 0 ? 1 : roundEveryMs;
	}

	/** What is not written stays gathered. */
	async #writeBatch(): Promise<void> {
		const batch = [...this.#gathered].slice(0, batchMax);
		await this.deps.run(writeUses(batch));
		for (const [id] of batch) this.#gathered.delete(id);
	}
}

/** Passes over tokens that are gone, and those whose use another replica has written within the hour. */
function writeUses(uses: readonly (readonly [id: string, usedAt: number])[]): Unit<void> {
	return {
		reads: [accessTokens.reads({ ids: uses.map(([id]) => id) })],
		weight: uses.length,
		decide(work) {
			const rows = work.rows(accessTokens);
			for (const [id, usedAt] of uses) {
				const row = rows.find(id);
				if (row === undefined || usedAt - (row.lastUsedAt ?? Number.NEGATIVE_INFINITY) < noteEveryMs)
					continue;
				rows.update({ ...row, lastUsedAt: usedAt });
			}
		},
	};
}
