import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { nextTurn } from "../kernel/next-turn.ts";
import { Repeater } from "../kernel/repeater.ts";
import { withTimeout } from "../kernel/timeout.ts";
import type { UserStore } from "./store.ts";
import type { TokenIdentity } from "./tokens.ts";

export interface TokenWatchDeps {
	readonly users: Pick<UserStore, "find">;
	readonly clock: Clock;
	readonly log: Log;
	/** Called when a token has ended, and when users can be looked up again. */
	readonly onChange: () => void;
}

/** A token while something that it opened lasts. */
export interface WatchedToken {
	readonly isEnded: boolean;
	/** The database has not said for long that the token still holds: nothing may be sent until it has. */
	readonly isUnconfirmed: boolean;
	/** Ends the watch. */
	release(): void;
}

interface Watched {
	readonly identity: TokenIdentity;
	isEnded: boolean;
}

/** With the time that the database has to answer, less than the 5 s within which a stream ends. */
const everyMs = 2000;
const answerMsMax = 2000;
/** For how long a look-up counts. */
const confirmedMsMax = 5000;
/** How many users are asked for in one turn of the event loop. */
const usersPerTurn = 200;

/**
 * Says which of the tokens that streams were opened with have ended: by their time, by a new password, or with their user.
 * One round asks once for each user, however many streams that user has.
 *
 * A database that does not answer has not said that a token has ended, nor that it holds: what was opened stays open, and
 * is sent nothing after 5 s. A token's time ends without the database.
 */
export class TokenWatch {
	readonly #watched = new Set<Watched>();
	readonly #repeater: Repeater;
	/** When the last round began whose users were all found out. */
	#confirmedAt = 0;

	constructor(private readonly deps: TokenWatchDeps) {
		this.#repeater = new Repeater({
			round: () => this.#round(),
			failure: "Users cannot be looked up: event streams wait; trying again.",
			log: deps.log,
		});
	}

	start(): void {
		this.#repeater.start();
	}

	/** Waits for the round in progress. Idempotent. */
	stop(): Promise<void> {
		return this.#repeater.stop();
	}

	watch(identity: TokenIdentity): WatchedToken {
		const watched = { identity, isEnded: false };
		const watchedAt = performance.now();
		const isUnconfirmed = () => performance.now() - Math.max(watchedAt, this.#confirmedAt) > confirmedMsMax;
		this.#watched.add(watched);
		return {
			get isEnded() {
				return watched.isEnded;
			},
			get isUnconfirmed() {
				return isUnconfirmed();
			},
			release: () => void this.#watched.delete(watched),
		};
	}

	async #round(): Promise<number> {
		const startedAt = performance.now();
		const now = this.deps.clock();
		this.#end([...this.#watched].filter(({ identity }) => identity.expiresAtMs <= now));
		const byUser = Map.groupBy(this.#watched, ({ identity }) => identity.userId);
		await withTimeout(answerMsMax, this.#askFor(byUser));
		const hasWaited = startedAt - this.#confirmedAt > confirmedMsMax;
		this.#confirmedAt = startedAt;
		if (hasWaited) this.deps.onChange();
		return everyMs;
	}

	async #askFor(byUser: ReadonlyMap<string, readonly Watched[]>): Promise<void> {
		const users = [...byUser];
		for (let start = 0; start < users.length; start += usersPerTurn) {
			await Promise.all(users.slice(start, start + usersPerTurn).map((user) => this.#ask(...user)));
			await nextTurn();
		}
	}

	async #ask(userId: string, watched: readonly Watched[]): Promise<void> {
		const generation = (await this.deps.users.find(userId))?.tokenGeneration;
		this.#end(watched.filter(({ identity }) => identity.tokenGeneration !== generation));
	}

	#end(ended: readonly Watched[]): void {
		if (ended.length === 0) return;
		for (const watched of ended) {
			watched.isEnded = true;
			this.#watched.delete(watched);
		}
		this.deps.onChange();
	}
}
