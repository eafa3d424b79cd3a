import type { Clock } from "../clock.ts";
import { type IdempotencyStore, idempotencyKeptMs } from "../http/idempotency.ts";
import type { Log } from "../log.ts";
import { Repeater } from "../repeater.ts";
import type { EventStore } from "./store.ts";

export interface RetentionDeps {
	readonly events: EventStore;
	readonly idempotency: IdempotencyStore;
	/** How long events are kept. */
	readonly retentionMs: number;
	readonly clock: Clock;
	readonly log: Log;
}

/** Rows removed in one transaction: writers wait no longer than that takes. */
const batchMax = 500;
const everyMsMax = 60_000;
const everyMsMin = 1000;

/** Removes, in small steps, events and idempotency records past their retention. */
export class Retention {
	readonly #events: Repeater;
	readonly #records: Repeater;

	constructor({ events, idempotency, retentionMs, clock, log }: RetentionDeps) {
		const everyMs = Math.min(everyMsMax, Math.max(everyMsMin, retentionMs / 10));
		this.#events = new Repeater({
			round: async () => pauseAfter(await events.purge(clock() - retentionMs, batchMax), everyMs),
			failure: "Old events could not be removed; trying again.",
			log,
		});
		this.#records = new Repeater({
			round: async () => pauseAfter(await idempotency.purge(idempotencyKeptMs, batchMax), everyMsMax),
			failure: "Old idempotency records could not be removed; trying again.",
			log,
		});
	}

	start(): void {
		this.#events.start();
		this.#records.start();
	}

	/** Waits for the steps in progress. Idempotent. */
	async stop(): Promise<void> {
		await Promise.all([this.#events.stop(), this.#records.stop()]);
	}
}

/** A full batch may not be the last: the next one follows once waiting writers have run. */
function pauseAfter(removed: number, everyMs: number): number {
	return removed === batchMax ? 1 : everyMs;
}
