import type { Clock } from "../kernel/clock.ts";
import { type IdempotencyStore, idempotencyKeptMs } from "../kernel/idempotency.ts";
import type { Log } from "../kernel/log.ts";
import { purgeRound } from "../kernel/purge.ts";
import { Repeater } from "../kernel/repeater.ts";
import type { EventStore } from "./store.ts";

export interface RetentionDeps {
	readonly events: EventStore;
	readonly idempotency: IdempotencyStore;
	/** How long events are kept. */
	readonly retentionMs: number;
	/** Of the events. */
	readonly clock: Clock;
	/** Of the idempotency records. */
	readonly databaseNow: () => Promise<number>;
	readonly log: Log;
}

/** Removes, in small steps, events and idempotency records past their retention. */
export class Retention {
	readonly #events: Repeater;
	readonly #records: Repeater;

	constructor({ events, idempotency, retentionMs, clock, databaseNow, log }: RetentionDeps) {
		this.#events = new Repeater({
			round: purgeRound({ clock, purge: events.purge, retentionMs }),
			failure: "Old events could not be removed; trying again.",
			log,
		});
		this.#records = new Repeater({
			round: purgeRound({ clock: databaseNow, purge: idempotency.purge, retentionMs: idempotencyKeptMs }),
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
