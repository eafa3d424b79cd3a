import { canonical } from "../../src/kernel/canonical.ts";

/** The expected response; parts that are not named must be absent. */
export interface Expected {
	readonly status: number;
	readonly type?: string;
	readonly etag?: string;
	readonly replayed?: true;
	/** The body of a response that is not an error. */
	readonly text?: string;
}

interface Task {
	/** The fields that no operation of the model sets. */
	readonly [field: string]: unknown;
	readonly description: string;
	readonly id: string;
	readonly title: string;
	readonly version: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** A minimal model of tasks by the contract (§1 and §3). */
export class TaskModel {
	/** Separates this run from all others. */
	readonly run = crypto.randomUUID();
	/** In the order of creation. */
	readonly #tasks = new Map<string, Task>();
	/** Every task so far, with its ETags, newest last. */
	readonly #known: { readonly id: string; readonly etags: string[] }[] = [];
	readonly #given = new Map<string, { readonly request: string; readonly text: string }>();

	#numbers: number;

	/** `numbers`: how many tasks there have been before. */
	constructor(
		public rev: number,
		numbers: number,
	) {
		this.#numbers = numbers;
	}

	get numbers(): number {
		return this.#numbers;
	}

	/** A task by its index among all that were created, with its newest and its first ETag; or one that never existed. */
	at(place: number): { readonly id: string; readonly current: string; readonly old: string } {
		const known = place < 0 ? undefined : this.#known[place % Math.max(1, this.#known.length)];
		const { id, etags } = known ?? { id: "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77", etags: ['"none"'] };
		return { id, current: etags.at(-1) ?? "", old: etags[0] ?? "" };
	}

	bodies(): readonly string[] {
		return [...this.#tasks.values()].map(bodyOf);
	}

	/** `made`: the task that the server answered with, for the fields that it assigns. */
	create(made: Fields, body: Fields, key: string | undefined): Expected {
		const { description: described, ...others } = body;
		if (!("title" in body) || !fits(described === null ? others : body)) return invalid;
		if (key !== undefined && !/^[\x21-\x7e]{1,255}$/.test(key)) return { status: 400, type: "bad_request" };
		const request = JSON.stringify([body.title, "description" in body, body.description]);
		const given = key === undefined ? undefined : this.#given.get(key);
		if (given !== undefined) {
			if (given.request !== request) return { status: 422, type: "idempotency_mismatch" };
			return { status: 200, replayed: true, text: given.text, etag: tagOf(given.text) };
		}
		const { title, description } = body as { title: string; description?: string | null };
		const id = String(made.id);
		this.#known.push({ id, etags: [] });
		const number = ++this.#numbers;
		const defaults = { ...unset, status_since: made.created_at, updated_at: made.created_at };
		const answer = this.#put({
			...made,
			...defaults,
			description: description ?? "",
			id,
			number,
			title,
			version: 1,
		});
		if (key !== undefined) this.#given.set(key, { request, text: answer.text ?? "" });
		return answer;
	}

	/** `updatedAt`: the time that the server answered with. */
	patch(id: string, ifMatch: string | undefined, body: Fields, updatedAt: unknown): Expected {
		const task = this.#tasks.get(id);
		const refused = judged(task, ifMatch);
		if (task === undefined || refused !== undefined) return refused ?? missing;
		const { description: given, ...rest } = body;
		const described = given === null ? {} : "description" in body ? { description: given } : {};
		if (!fits({ ...rest, ...described })) return invalid;
		const description = given === null ? "" : ((given as string | undefined) ?? task.description);
		const title = (body.title as string | undefined) ?? task.title;
		if (description === task.description && title === task.title) return found(task);
		return this.#put({ ...task, description, title, updated_at: updatedAt, version: task.version + 1 });
	}

	remove(id: string, ifMatch: string | undefined): Expected {
		const refused = judged(this.#tasks.get(id), ifMatch);
		if (refused !== undefined) return refused;
		this.#tasks.delete(id);
		this.rev++;
		return { status: 204, text: "" };
	}

	get(id: string, ifNoneMatch: string | undefined): Expected {
		const task = this.#tasks.get(id);
		if (task === undefined) return missing;
		const etag = tagOf(bodyOf(task));
		const isKnown = ifNoneMatch !== undefined && ["*", etag, `W/${etag}`].includes(ifNoneMatch);
		return isKnown ? { status: 304, etag } : found(task);
	}

	#put(task: Task): Expected {
		this.#tasks.set(task.id, task);
		this.rev++;
		const answer = found(task);
		this.#known.find(({ id }) => id === task.id)?.etags.push(answer.etag ?? "");
		return answer;
	}
}

const unset = {
	...{ assignee: null, blocked_by: [], claimed_by: null, defer_until: null, due_at: null, labels: [] },
	...{ metadata: {}, note: null, parent: null, priority: 0, status: "open" },
};

const missing: Expected = { status: 404, type: "not_found" };
const invalid: Expected = { status: 422, type: "validation_error" };

function found(task: Task): Expected {
	const text = bodyOf(task);
	return { status: 200, text, etag: tagOf(text) };
}

function bodyOf(task: Task): string {
	return canonical(task);
}

function tagOf(text: string): string {
	return `"${new Bun.CryptoHasher("sha256").update(text).digest("hex")}"`;
}

/** Existence, then precondition, then the body. */
function judged(task: Task | undefined, ifMatch: string | undefined): Expected | undefined {
	if (task === undefined) return missing;
	const etag = tagOf(bodyOf(task));
	if (ifMatch === "x") return { status: 400, type: "bad_request" };
	if (ifMatch === undefined) return { status: 428, type: "precondition_required", etag };
	if (ifMatch === "*" || ifMatch.split(", ").includes(etag)) return undefined;
	return { status: 412, type: "precondition_failed", etag };
}

function fits(fields: Fields): boolean {
	return Object.entries(fields).every(([name, value]) => {
		if (typeof value !== "string" || value.includes("\0") || !value.isWellFormed()) return false;
		const length = [...value].length;
		if (name === "title") return length <= 200 && /\S/.test(value);
		return name === "description" && length <= 20_000;
	});
}
