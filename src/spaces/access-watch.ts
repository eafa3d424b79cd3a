import type { Log } from "../kernel/log.ts";
import { nextTurn } from "../kernel/next-turn.ts";
import { Repeater } from "../kernel/repeater.ts";
import { withTimeout } from "../kernel/timeout.ts";

/** What lasts only as long as an access holds. */
export interface Watched {
	readonly isEnded: boolean;
	/** The database has not said for long that the access still holds: nothing may be sent until it has. */
	readonly isUnconfirmed: boolean;
	/** Ends the watch. */
	release(): void;
}

/** An access that something was opened with. */
export interface WatchedAccess {
	/** Equal for accesses of which one check tells all. Secret: it may have the text of a credential. */
	readonly key: string;
	/** Whether it still holds. Rejects if that cannot be found out. */
	readonly holds: () => Promise<boolean>;
	/** Called when it has ended. */
	readonly onEnd?: () => void;
}

interface Entry extends WatchedAccess {
	isEnded: boolean;
}

/** With the time that the database has to answer, less than the 5 s within which a stream ends. */
const everyMs = 2000;
const answerMsMax = 2000;
/** For how long a check counts. */
const confirmedMsMax = 5000;
/** How many accesses are checked in one turn of the event loop. */
const checksPerTurn = 200;

/**
 * Says which of the accesses that streams and waits were opened with have ended: by time, by a new password, with the
 * token, the user, the membership, the role or the space. One round checks each access once, however many streams share it.
 *
 * A database that does not answer has not said that an access has ended, nor that it holds: what was opened stays open,
 * and is sent nothing after 5 s.
 */
export class AccessWatch {
	readonly #entries = new Set<Entry>();
	readonly #repeater: Repeater;
	/** When the last round began whose accesses were all found out. */
	#confirmedAt = 0;

	/** `onChange`: called when an access has ended, and when they can be checked again. */
	constructor(
		log: Log,
		private readonly onChange: () => void,
	) {
		this.#repeater = new Repeater({
			round: () => this.#round(),
			failure: "Credentials cannot be looked up: event streams wait; trying again.",
			log,
		});
	}

	start(): void {
		this.#repeater.start();
	}

	/** Waits for the round in progress. Idempotent. */
	stop(): Promise<void> {
		return this.#repeater.stop();
	}

	watch(access: WatchedAccess): Watched {
		const entry: Entry = { ...access, isEnded: false };
		const watchedAt = performance.now();
		const isUnconfirmed = () => performance.now() - Math.max(watchedAt, this.#confirmedAt) > confirmedMsMax;
		this.#entries.add(entry);
		return {
			get isEnded() {
				return entry.isEnded;
			},
			get isUnconfirmed() {
				return isUnconfirmed();
			},
			release: () => void this.#entries.delete(entry),
		};
	}

	async #round(): Promise<number> {
		const startedAt = performance.now();
		const byKey = Map.groupBy(this.#entries, ({ key }) => key);
		await withTimeout(answerMsMax, this.#checkAll([...byKey.values()]));
		const hasWaited = startedAt - this.#confirmedAt > confirmedMsMax;
		this.#confirmedAt = startedAt;
		if (hasWaited) this.onChange();
		return everyMs;
	}

	async #checkAll(shared: readonly (readonly Entry[])[]): Promise<void> {
		for (let start = 0; start < shared.length; start += checksPerTurn) {
			const checks = shared.slice(start, start + checksPerTurn).map((entries) => this.#check(entries));
			await Promise.all(checks);
			await nextTurn();
		}
	}

	async #check(entries: readonly Entry[]): Promise<void> {
		if (await entries[0]?.holds()) return;
		for (const entry of entries) {
			entry.isEnded = true;
			this.#entries.delete(entry);
			entry.onEnd?.();
		}
		this.onChange();
	}
}
