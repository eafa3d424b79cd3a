import { type Answer, ask } from "./ask.ts";
import { type Delivered, openTail, type Tail } from "./events.ts";
import type { TestServer } from "./server.ts";

/** The parts of a task's body that tell whether it is ready. */
export interface Followed {
	readonly blocked_by: readonly string[];
	readonly defer_until: string | null;
	readonly id: string;
	readonly status: string;
}

interface TaskEvent {
	readonly type: string;
	readonly subject: string;
	readonly ready?: boolean;
	readonly data: Followed;
}

/**
 * A client that knows which tasks are ready, as the contract says that one can (§9): it lists them once and follows the
 * events from there. Of a task that `task.unblocked` names it knows nothing, and looks it up.
 */
export class ReadySet {
	readonly #ready = new Map<string, Followed>();
	/** The newest body of every task that an event had. */
	readonly bodies = new Map<string, Followed>();
	#seen: number;

	private constructor(
		private readonly server: TestServer,
		private readonly prefix: `/${string}`,
		private readonly tail: Tail,
		seen: number,
		listed: readonly Followed[],
	) {
		this.#seen = seen;
		for (const task of listed) this.#ready.set(task.id, task);
	}

	/** `prefix`: of the space, such as `/spaces/acme`. */
	static async open(server: TestServer, prefix: `/${string}`): Promise<ReadySet> {
		const headers = { authorization: server.bearer };
		const answer = await ask(server, `GET ${prefix}/collab/state/tasks?ready=true&limit=1000`, { headers });
		const seen = eventIdOf(answer);
		const from = { ...headers, "last-event-id": String(seen) };
		const tail = await openTail(server.url + prefix, "?types=task.*", from);
		const { items } = answer.json as { items: readonly Followed[] };
		return new ReadySet(server, prefix, tail, seen, items);
	}

	get ids(): readonly string[] {
		return [...this.#ready.keys()];
	}

	/** Follows the events up to this number; returns those that are new. */
	async until(id: number): Promise<readonly Delivered[]> {
		const followed: Delivered[] = [];
		while (this.#seen < id) {
			const delivered = await this.tail.next();
			await this.#follow(delivered.event as unknown as TaskEvent);
			this.#seen = delivered.id;
			followed.push(delivered);
		}
		return followed;
	}

	close(): void {
		this.tail.close();
	}

	async #follow({ type, subject, ready, data }: TaskEvent): Promise<void> {
		if (type === "task.unblocked") return this.#lookUp(subject);
		if (ready === undefined) return;
		if (ready) this.#ready.set(data.id, data);
		else this.#ready.delete(data.id);
		if (type === "task.deleted") this.bodies.delete(data.id);
		else this.bodies.set(data.id, data);
		if (type !== "task.deleted" && !isFinished(data)) this.#block(data.id);
	}

	/** An unfinished task may have been finished before: those that name it wait for it again. */
	#block(blocker: string): void {
		for (const { id, blocked_by } of this.#ready.values()) {
			if (blocked_by.includes(blocker)) this.#ready.delete(id);
		}
	}

	async #lookUp(subject: string): Promise<void> {
		const headers = { authorization: this.server.bearer };
		const { status, json } = await ask(this.server, `GET ${this.prefix}${subject as `/${string}`}`, {
			headers,
		});
		if (status !== 200) return;
		const task = json as Followed;
		if (task.status === "open" && task.defer_until === null) this.#ready.set(task.id, task);
	}
}

function isFinished({ status }: Followed): boolean {
	return status === "done" || status === "cancelled";
}

/** The newest event that an answer includes. */
export function eventIdOf({ headers }: Answer): number {
	return Number(headers.get("x-event-id"));
}
