/** The fields of a task that the model knows: the names and values of its body. */
export interface ModelTask {
	readonly assignee: string | null;
	/** Sorted, each once. */
	readonly blocked_by: readonly string[];
	readonly claimed_by: string | null;
	readonly id: string;
	readonly labels: readonly string[];
	readonly note: { readonly by: string; readonly text: string } | null;
	readonly parent: string | null;
	readonly priority: number;
	readonly rank: string;
	readonly status: string;
	readonly title: string;
	readonly version: number;
	/** Whether `defer_until` is a time that has not come. */
	readonly isDeferred: boolean;
}

/** What requests set; lists as they are given. */
export interface Given {
	readonly assignee?: string | null;
	readonly blocked_by?: readonly string[];
	readonly labels?: readonly string[];
	readonly note?: string;
	readonly parent?: string | null;
	readonly priority?: number;
	readonly rank?: string;
	readonly status?: string;
	readonly title?: string;
	readonly isDeferred?: boolean;
}

/** An event that a request must append, in its order. `ready` is absent from `task.unblocked`. */
export interface ExpectedEvent {
	readonly type: string;
	readonly task: string;
	readonly ready?: boolean;
}

/** What a request must answer and append. Those that are refused append nothing. */
export interface Outcome {
	readonly status: number;
	/** Of an error. */
	readonly type?: string;
	readonly events: readonly ExpectedEvent[];
}

interface Claim {
	readonly fence: number;
	readonly holder: string;
}

export type Verb = "complete" | "release";

/** Undefined: no header. A number: the fence of a claim. */
export type ClaimFence = "*" | number | undefined;

/** A claim: the answer to it says which task and fence. */
interface Taken {
	readonly outcome: Outcome;
	readonly task?: string;
}

const isFinished = ({ status }: ModelTask) => status === "done" || status === "cancelled";
const refused = (status: number, type: string): Outcome => ({ status, type, events: [] });
const missing = refused(404, "not_found");
const invalid = refused(422, "validation_error");
const conflict = refused(409, "conflict");
const claimed = refused(409, "claimed");
const lost = refused(409, "lease_lost");

/** Tasks, what blocks them and who has them, by the contract (§9), as plainly as can be. No claim runs out. */
export class CoordinationModel {
	/** In the order of their creation. */
	readonly tasks = new Map<string, ModelTask>();
	/** Every task so far. */
	readonly known: string[] = [];
	readonly claims = new Map<string, Claim>();
	/** Every fence so far, by task, newest last. */
	readonly fences = new Map<string, number[]>();
	/** How the last claim of a task was settled by its holder. */
	readonly #settled = new Map<string, { readonly fence: number; readonly verb: Verb }>();
	/** The tasks in the order in which their bodies changed. */
	readonly updated: string[] = [];

	/** `author`: the name of whoever sends the requests. */
	constructor(private readonly author: string) {}

	isReady(task: ModelTask): boolean {
		return task.status === "open" && !task.isDeferred && this.#openBlockers(task).length === 0;
	}

	/** The ready tasks in the order of claims. */
	ready(): readonly ModelTask[] {
		return this.byUrgency().filter((task) => this.isReady(task));
	}

	byUrgency(): readonly ModelTask[] {
		return [...this.tasks.values()].sort((a, b) => b.priority - a.priority || compare(a.rank, b.rank));
	}

	/** All of them or none. `ids`: of the new tasks, which later ones may name. */
	create(ids: readonly string[], given: readonly Given[]): Outcome {
		const isThere = (id: string) => this.tasks.has(id) || ids.includes(id);
		if (!given.every((one) => linksOf(one).every(isThere))) return invalid;
		for (const [index, one] of given.entries()) this.#add(ids[index] ?? "", one);
		return { status: 200, events: ids.map((id) => this.#event("task.created", id)) };
	}

	patch(id: string, given: Given, fence: ClaimFence): Outcome {
		const task = this.tasks.get(id);
		if (task === undefined) return missing;
		const claim = this.claims.get(id);
		if (typeof fence === "number" && claim?.fence !== fence) return lost;
		const changesStatus = given.status !== undefined && given.status !== task.status;
		if (changesStatus && claim !== undefined && fence === undefined) return claimed;
		const isThere = (other: string) =>
			this.tasks.has(other) || task.blocked_by.includes(other) || task.parent === other;
		if (!linksOf(given).every(isThere)) return invalid;
		if (this.#closesCycle(task, given)) return conflict;
		const by = typeof fence === "number" && claim !== undefined ? claim.holder : this.author;
		const note = given.note === undefined ? undefined : { by, text: given.note };
		const ends = claim !== undefined && changesStatus;
		const next = { ...changed(task, given, note), ...(ends && { claimed_by: null }) };
		if (ends) this.#end(id);
		if (Bun.deepEquals(next, task)) return { status: 200, events: [] };
		return this.#change(task, next, "task.updated");
	}

	remove(id: string, fence: ClaimFence): Outcome {
		const task = this.tasks.get(id);
		if (task === undefined) return missing;
		const claim = this.claims.get(id);
		if (typeof fence === "number" && claim?.fence !== fence) return lost;
		if (claim !== undefined && fence === undefined) return claimed;
		const waited = this.#waitingFor(task);
		this.#end(id);
		this.tasks.delete(id);
		const deleted = { type: "task.deleted", task: id, ready: false };
		return { status: 204, events: [deleted, ...this.#unblocked(isFinished(task) ? [] : waited)] };
	}

	claimNext(holder: string, label: string | undefined): Taken {
		const next = this.ready().find(
			({ assignee, labels }) =>
				(assignee === null || assignee === holder) && (label === undefined || labels.includes(label)),
		);
		return next === undefined ? { outcome: { status: 204, events: [] } } : this.#take(next, holder);
	}

	claim(id: string, holder: string): Taken {
		const task = this.tasks.get(id);
		if (task === undefined) return { outcome: missing };
		if (this.claims.has(id)) return { outcome: claimed };
		if (task.status !== "open" && task.status !== "in_progress") return { outcome: conflict };
		if (this.#openBlockers(task).length > 0) return { outcome: refused(409, "blocked") };
		return this.#take(task, holder);
	}

	/** Notes the fence of a claim, as the answer gave it. */
	granted(id: string, fence: number): void {
		const holder = this.tasks.get(id)?.claimed_by ?? "";
		this.claims.set(id, { fence, holder });
		this.fences.set(id, [...(this.fences.get(id) ?? []), fence]);
	}

	heartbeat(id: string, fence: number): Outcome {
		if (!this.tasks.has(id)) return missing;
		return this.claims.get(id)?.fence === fence ? { status: 200, events: [] } : lost;
	}

	settle(id: string, verb: Verb, fence: number, given: Pick<Given, "note" | "status">): Outcome {
		const task = this.tasks.get(id);
		if (task === undefined) return missing;
		const settled = this.#settled.get(id);
		if (settled?.fence === fence && settled.verb === verb) return { status: 200, events: [] };
		const claim = this.claims.get(id);
		if (claim?.fence !== fence) return lost;
		this.#end(id);
		this.#settled.set(id, { fence, verb });
		const note = given.note === undefined ? undefined : { by: claim.holder, text: given.note };
		const status = verb === "complete" ? "done" : (given.status ?? "open");
		const next = { ...changed(task, { status }, note), claimed_by: null };
		return this.#change(task, next, verb === "complete" ? "task.completed" : "task.released");
	}

	#add(id: string, given: Given): void {
		const unset = { assignee: null, blocked_by: [], claimed_by: null, labels: [], note: null, parent: null };
		const rank = `${id.slice(0, 18).replaceAll("-", "")}m`;
		const fresh = { ...unset, id, priority: 0, rank, status: "open", title: "", isDeferred: false };
		const note = given.note === undefined ? undefined : { by: this.author, text: given.note };
		this.known.push(id);
		this.#put({ ...changed({ ...fresh, version: 1 }, given, note), version: 1 });
	}

	#put(task: ModelTask): void {
		this.tasks.set(task.id, task);
		const place = this.updated.indexOf(task.id);
		if (place !== -1) this.updated.splice(place, 1);
		this.updated.push(task.id);
	}

	#take(task: ModelTask, holder: string): Taken {
		this.#settled.delete(task.id);
		const next = { ...changed(task, { status: "in_progress" }, undefined), claimed_by: holder };
		return { outcome: this.#change(task, next, "task.claimed"), task: task.id };
	}

	/** The claim of a task ends otherwise than by its holder. */
	#end(id: string): void {
		if (this.claims.delete(id)) this.#settled.delete(id);
	}

	#change(task: ModelTask, next: ModelTask, type: string): Outcome {
		this.#put({ ...next, version: task.version + 1 });
		const waited = isFinished(next) && !isFinished(task) ? this.#waitingFor(task) : [];
		return { status: 200, events: [this.#event(type, task.id), ...this.#unblocked(waited)] };
	}

	#event(type: string, id: string): ExpectedEvent {
		const task = this.tasks.get(id);
		return { type, task: id, ready: task !== undefined && this.isReady(task) };
	}

	#openBlockers({ blocked_by }: ModelTask): readonly string[] {
		return blocked_by.filter((id) => {
			const blocker = this.tasks.get(id);
			return blocker !== undefined && !isFinished(blocker);
		});
	}

	#waitingFor({ id }: ModelTask): readonly string[] {
		return [...this.tasks.values()].filter((task) => task.blocked_by.includes(id)).map((task) => task.id);
	}

	#unblocked(waited: readonly string[]): readonly ExpectedEvent[] {
		return waited
			.flatMap((id) => this.tasks.get(id) ?? [])
			.filter((task) => !isFinished(task) && this.#openBlockers(task).length === 0)
			.map(({ id }) => ({ type: "task.unblocked", task: id }));
	}

	/** Only what is new in a patch can close one. */
	#closesCycle(task: ModelTask, { blocked_by = [], parent }: Given): boolean {
		const added = blocked_by.filter((id) => !task.blocked_by.includes(id));
		const above = new Set(added);
		for (const id of above) for (const one of this.tasks.get(id)?.blocked_by ?? []) above.add(one);
		if (above.has(task.id)) return true;
		if (parent === undefined || parent === task.parent) return false;
		for (let one = parent; one !== null; one = this.tasks.get(one)?.parent ?? null) {
			if (one === task.id) return true;
		}
		return false;
	}
}

function linksOf({ blocked_by = [], parent }: Given): readonly string[] {
	return typeof parent === "string" ? [...blocked_by, parent] : blocked_by;
}

function changed(task: ModelTask, given: Given, note: ModelTask["note"] | undefined): ModelTask {
	const { status = task.status, blocked_by, labels, note: _, ...rest } = given;
	const keptNote = status === task.status ? task.note : null;
	return {
		...task,
		...rest,
		...(blocked_by !== undefined && { blocked_by: sorted(blocked_by) }),
		...(labels !== undefined && { labels: sorted(labels) }),
		status,
		note: note === undefined ? keptNote : note,
	};
}

function sorted(texts: readonly string[]): readonly string[] {
	return [...new Set(texts)].sort();
}

function compare(a: string, b: string): number {
	return a < b ? -1 : Number(a > b);
}
