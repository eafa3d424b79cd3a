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

	constructor(public rev: number) {}

	/** A task by its index among all that were created, with its newest and its first ETag; or one that never existed. */
	at(place: number): { readonly id: string; readonly current: string; readonly old: string } {
		const known = place < 0 ? undefined : this.#known[place % Math.max(1, this.#known.length)];
		const { id, etags } = known ?? { id: "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77", etags: ['"none"'] };
		return { id, current: etags.at(-1) ?? "", old: etags[0] ?? "" };
	}

	bodies(): readonly string[] {
		return [...this.#tasks.values()].map(bodyOf);
	}

	/** `id`: the one that the server assigned. */
	create(id: string, body: Fields, key: string | undefined): Expected {
		if (!("title" in body) || !fits(body)) return invalid;
		if (key !== undefined && !/^[\x21-\x7e]{1,255}$/.test(key)) return { status: 400, type: "bad_request" };
		const request = JSON.stringify([body.title, "description" in body, body.description]);
		const given = key === undefined ? undefined : this.#given.get(key);
		if (given !== undefined) {
			if (given.request !== request) return { status: 422, type: "idempotency_mismatch" };
			return { status: 200, replayed: true, text: given.text, etag: tagOf(given.text) };
		}
		const { title, description = "" } = body as { title: string; description?: string };
		this.#known.push({ id, etags: [] });
		const answer = this.#put({ description, id, title, version: 1 });
		if (key !== undefined) this.#given.set(key, { request, text: answer.text ?? "" });
		return answer;
	}

	patch(id: string, ifMatch: string | undefined, body: Fields): Expected {
		const task = this.#tasks.get(id);
		const refused = judged(task, ifMatch);
		if (task === undefined || refused !== undefined) return refused ?? missing;
		const { description: given, ...rest } = body;
		const described = given === null ? {} : "description" in body ? { description: given } : {};
		if (!fits({ ...rest, ...described })) return invalid;
		const description = given === null ? "" : ((given as string | undefined) ?? task.description);
		const title = (body.title as string | undefined) ?? task.title;
		if (description === task.description && title === task.title) return found(task);
		return this.#put({ description, id, title, version: task.version + 1 });
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

const missing: Expected = { status: 404, type: "not_found" };
const invalid: Expected = { status: 422, type: "validation_error" };

function found(task: Task): Expected {
	const text = bodyOf(task);
	return { status: 200, text, etag: tagOf(text) };
}

function bodyOf({ description, id, title, version }: Task): string {
	return JSON.stringify({ description, id, title, version });
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
