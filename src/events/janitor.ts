import type { Clock } from "../clock.ts";
import type { IdempotencyStore } from "../http/idempotency.ts";
import { idempotencyKeptMs } from "../http/idempotency.ts";
import { type Log, loggable } from "../log.ts";
import type { EventStore } from "./store.ts";

export interface JanitorDeps {
	readonly events: EventStore;
	readonly idempotency: IdempotencyStore;
	readonly retentionMs: number;
	readonly clock: Clock;
	readonly log: Log;
}

/** Rows that go in one transaction: writers wait no longer than that takes. */
const batchMax = 500;
const everyMsMax = 60_000;
const everyMsMin = 1000;

/** Removes, in small steps, the events and the idempotent answers that are past their time. */
export class Janitor {
	readonly #everyMs: number;
	#timer: Timer | undefined;
	#round: Promise<void> | undefined;
	#isStopped = false;

	constructor(private readonly deps: JanitorDeps) {
		this.#everyMs = Math.min(everyMsMax, Math.max(everyMsMin, deps.retentionMs / 10));
	}

	start(): void {
		this.#timer = setInterval(() => this.#begin(), this.#everyMs);
		this.#begin();
	}

	/** Waits for the step that is under way. Idempotent. */
	async stop(): Promise<void> {
		this.#isStopped = true;
		clearInterval(this.#timer);
		await this.#round;
	}

	#begin(): void {
		this.#round ??= this.#clean().finally(() => {
			this.#round = undefined;
		});
	}

	async #clean(): Promise<void> {
		const { events, idempotency, retentionMs, clock, log } = this.deps;
		try {
			const now = clock();
			await this.#repeat(() => events.purge(now - retentionMs, batchMax));
			await this.#repeat(() => idempotency.purge(idempotencyKeptMs, batchMax));
		} catch (error) {
			log.warn({ err: loggable(error) }, "What is past its time could not be removed; trying again later.");
		}
	}

	/** Until a step finds less than it could take. Writers get their turn in between. */
	async #repeat(purge: () => Promise<number>): Promise<void> {
		while (!this.#isStopped && (await purge()) === batchMax) await Bun.sleep(1);
	}
}
