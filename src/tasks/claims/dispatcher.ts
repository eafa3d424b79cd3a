import { Checker } from "../../kernel/checker.ts";
import type { Clock } from "../../kernel/clock.ts";
import { AppError } from "../../kernel/errors.ts";
import type { IdempotentRequest } from "../../kernel/idempotency.ts";
import type { Log } from "../../kernel/log.ts";
import type { SpaceId } from "../../kernel/space.ts";
import { WaitQueue } from "../../kernel/wait-queue.ts";
import { type ClaimWish, fits, type TaskState, type TaskStore } from "../store.ts";
import type { Claimed, ClaimNext } from "./changes.ts";
import type { ClaimService } from "./service.ts";

export interface ClaimDispatcherDeps {
	readonly claims: Pick<ClaimService, "next">;
	readonly tasks: Pick<TaskStore, "ready">;
	readonly waits: ClaimWaits;
	/** Calls the listener when any process may have changed something; only a hint. Returns the function that unsubscribes. */
	readonly onChange: (listener: () => void) => () => void;
	readonly clock: Clock;
	readonly log: Log;
}

/** A claim of the first ready task, whenever it is made. */
export type ClaimRequest = Omit<ClaimNext, "now" | "isGone" | "salt">;

/** A notification can be lost: while claims wait, the ready tasks are polled this often. */
const pollMs = 1000;
/** Every change of anything is a hint; within this time one check serves them all. */
const checkMsMin = 25;

/** Claims that wait for a task, first come, first woken; told of tasks that become ready in this process. */
export class ClaimWaits {
	readonly queue = new WaitQueue<SpaceId, TaskState>(String);

	announce(ready: readonly TaskState[]): void {
		for (const task of ready) this.queue.wake(task.space, task);
	}
}

/** Hands ready tasks to waiting claims: one that finds no task waits here, without using the database. */
export class ClaimDispatcher {
	readonly #wishes = new Set<ClaimWish>();
	readonly #joined = new Map<string, JoinedClaim>();
	readonly #checker: Checker;
	#unsubscribe: (() => void) | undefined;
	#polling: Timer | undefined;

	constructor(private readonly deps: ClaimDispatcherDeps) {
		this.#checker = new Checker(() => this.#check(), "The ready tasks could not be checked.", deps.log);
	}

	start(): void {
		this.#unsubscribe ??= this.deps.onChange(() => this.#checker.hint());
		this.#polling ??= setInterval(() => this.#checker.hint(), pollMs);
	}

	/** Answers all waiting claims at once, with no task. Idempotent. */
	async stop(): Promise<void> {
		this.deps.waits.queue.close();
		this.#unsubscribe?.();
		clearInterval(this.#polling);
		await this.#checker.idle();
	}

	/** Claims the first ready task, or waits for one: no longer than requested, and only until `gone`. */
	async claim(request: ClaimRequest, waitSeconds: number, gone: AbortSignal): Promise<Claimed | undefined> {
		const endsAt = performance.now() + waitSeconds * 1000;
		const joined = request.idempotent && this.#joinedBy(request.idempotent);
		if (request.idempotent === undefined || waitSeconds === 0) return this.#search(request, endsAt, gone);
		const found = await (joined ?? this.#join(request, request.idempotent)).until(endsAt, gone);
		// Another server, or a request that waits on, may have claimed a task under the key at this moment.
		return found === "over" ? this.#try(request, gone) : found;
	}

	/** The search that waits under the key. Throws `idempotency_mismatch` if it is for another request. */
	#joinedBy({ requestHash, ...named }: IdempotentRequest): JoinedClaim | undefined {
		const known = this.#joined.get(nameOf(named));
		if (known === undefined || known.requestHash === requestHash) return known;
		throw new AppError("idempotency_mismatch", "This Idempotency-Key was used for another request.");
	}

	/** The search of the requests under one key: a repeat that comes while the first one waits waits with it. */
	#join(request: ClaimRequest, idempotent: IdempotentRequest): JoinedClaim {
		const name = nameOf(idempotent);
		const joined = new JoinedClaim(idempotent.requestHash, (gone) =>
			this.#search(request, Number.POSITIVE_INFINITY, gone).finally(() => this.#joined.delete(name)),
		);
		this.#joined.set(name, joined);
		return joined;
	}

	async #search(request: ClaimRequest, endsAt: number, gone: AbortSignal): Promise<Claimed | undefined> {
		const { context, holder, label } = request;
		const wish = { space: context.space, holder, label };
		while (!gone.aborted) {
			const waiter = this.deps.waits.queue.enter([wish.space], (task) => fits(wish, task));
			this.#wishes.add(wish);
			try {
				const claimed = await this.#try(request, gone);
				const leftMs = Math.min(endsAt - performance.now(), waitMsMax);
				if (claimed !== undefined || leftMs <= 0 || !(await waiter.wait(leftMs, gone))) return claimed;
			} finally {
				waiter.leave();
				this.#wishes.delete(wish);
			}
		}
		return undefined;
	}

	#try(request: ClaimRequest, gone: AbortSignal): Promise<Claimed | undefined> {
		const { claims, clock } = this.deps;
		return claims.next({ ...request, now: clock(), isGone: () => gone.aborted });
	}

	async #check(): Promise<void> {
		if (this.#wishes.size === 0) return;
		const { tasks, waits } = this.deps;
		waits.announce(await tasks.ready([...this.#wishes], this.#wishes.size));
		await Bun.sleep(checkMsMin);
	}
}

/** Longer than any request waits, and within what a timer can. */
const waitMsMax = 3_600_000;

function nameOf({ scope, key }: Pick<IdempotentRequest, "scope" | "key">): string {
	return `${scope}\0${key}`;
}

/** One search for several requests, each of which waits no longer than it asked. It ends with the last of them. */
class JoinedClaim {
	readonly #left = new AbortController();
	readonly #found: Promise<Claimed | undefined>;
	#isAnswered = false;
	#count = 0;

	constructor(
		readonly requestHash: string,
		search: (gone: AbortSignal) => Promise<Claimed | undefined>,
	) {
		this.#found = search(this.#left.signal);
	}

	/** `over`: nothing was found in the time of this request. */
	async until(endsAt: number, gone: AbortSignal): Promise<Claimed | undefined | "over"> {
		this.#count++;
		const over = Promise.withResolvers<"over">();
		const end = () => over.resolve("over");
		const timer = setTimeout(end, Math.max(0, endsAt - performance.now()));
		gone.addEventListener("abort", end, { once: true });
		if (gone.aborted) end();
		try {
			const found = await Promise.race([this.#found, over.promise]);
			if (found !== "over") return found && this.#answerWith(found);
			if (this.#count > 1) return "over";
			// What is being claimed at this moment is still found.
			this.#left.abort();
			const last = await this.#found;
			return last === undefined ? "over" : this.#answerWith(last);
		} finally {
			this.#count--;
			clearTimeout(timer);
			gone.removeEventListener("abort", end);
		}
	}
	/** The first request that gets the claim is the one that made it. */
	#answerWith(claimed: Claimed): Claimed {
		const replayed = claimed.replayed || this.#isAnswered;
		this.#isAnswered = true;
		return { ...claimed, replayed };
	}
}
