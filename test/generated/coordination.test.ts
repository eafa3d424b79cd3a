import { expect, test } from "bun:test";
import fc from "fast-check";
import { sha256 } from "../../src/kernel/canonical.ts";
import { type Answer, ask, errorOf } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import { eventIdOf, ReadySet } from "../support/ready-set.ts";
import { startServer, type TestServer } from "../support/server.ts";
import {
	type ClaimFence,
	CoordinationModel,
	type ExpectedEvent,
	type Given,
	type ModelTask,
	type Outcome,
} from "./coordination-model.ts";
import { hold } from "./seed.ts";

/** A task by its index among all that were created, gone or not; -1: one that never was. */
const place = fc.oneof({ weight: 9, arbitrary: fc.nat(9) }, { weight: 1, arbitrary: fc.constant(-1) });
const holder = fc.constantFrom("ann", "bob");
const label = fc.constantFrom("x", "y");
const status = fc.constantFrom("open", "open", "in_progress", "waiting", "done", "cancelled");
const future = "2999-01-01T00:00:00.000Z";

/** `blockedBy` and `parent` are places. In a batch those of earlier tasks of the batch are forward names. */
const fields = fc.record(
	{
		assignee: fc.option(holder, { freq: 3 }),
		blockedBy: fc.array(place, { maxLength: 3 }),
		isDeferred: fc.constantFrom(false, false, true),
		labels: fc.array(label, { maxLength: 3 }),
		note: fc.constantFrom("why", "Ünïcödé"),
		parent: fc.option(place, { freq: 2 }),
		priority: fc.integer({ min: -1, max: 1 }),
		rank: fc.constantFrom("a", "B", "a1"),
		status,
	},
	{ requiredKeys: [] },
);
type Fields = typeof fields extends fc.Arbitrary<infer T> ? T : never;

/** Which fence of a task a request has. */
const fence = fc.constantFrom("newest", "newest", "newest", "older", "never");

const operation = fc.oneof(
	{ weight: 4, arbitrary: fc.record({ kind: fc.constant("create" as const), fields }) },
	{
		weight: 1,
		arbitrary: fc.record({
			kind: fc.constant("batch" as const),
			tasks: fc.array(fields, { minLength: 1, maxLength: 4 }),
		}),
	},
	{
		weight: 6,
		arbitrary: fc.record({
			kind: fc.constant("patch" as const),
			target: place,
			fields,
			claimFence: fc.oneof(fc.constantFrom(undefined, undefined, "*" as const), fence),
		}),
	},
	{
		weight: 2,
		arbitrary: fc.record({
			kind: fc.constant("remove" as const),
			target: place,
			claimFence: fc.oneof(fc.constantFrom(undefined, undefined, "*" as const), fence),
		}),
	},
	{
		weight: 4,
		arbitrary: fc.record({
			kind: fc.constant("next" as const),
			holder,
			label: fc.option(label, { freq: 2, nil: undefined }),
		}),
	},
	{ weight: 2, arbitrary: fc.record({ kind: fc.constant("claim" as const), target: place, holder }) },
	{ weight: 1, arbitrary: fc.record({ kind: fc.constant("heartbeat" as const), target: place, fence }) },
	{
		weight: 3,
		arbitrary: fc.record({
			kind: fc.constant("release" as const),
			target: place,
			fence,
			body: fc.record(
				{ note: fc.constant("back"), status: fc.constantFrom("open", "waiting") },
				{ requiredKeys: [] },
			),
		}),
	},
	{
		weight: 4,
		arbitrary: fc.record({
			kind: fc.constant("complete" as const),
			target: place,
			fence,
			body: fc.record({ note: fc.constant("done so") }, { requiredKeys: [] }),
		}),
	},
	{
		weight: 2,
		arbitrary: fc.record({
			kind: fc.constant("list" as const),
			filter: fc.record(
				{
					assignee: fc.option(holder),
					blocked_by: fc.option(place),
					claimed_by: fc.option(holder),
					label: fc.uniqueArray(label, { minLength: 1, maxLength: 2 }),
					parent: fc.option(place),
					ready: fc.constant(true),
					status: fc.uniqueArray(status, { minLength: 1, maxLength: 2 }),
				},
				{ requiredKeys: [] },
			),
			sort: fc.constantFrom("created", "priority", "updated"),
			order: fc.constantFrom("asc", "desc"),
			limit: fc.integer({ min: 1, max: 4 }),
		}),
	},
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
type Listing = Extract<Operation, { kind: "list" }>;

for (const { name, newUrl } of everyDatabase) {
	test(`tasks on ${name} wait, are claimed and finished as a model says, and a client that follows knows which are ready`, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });
		const headers = { authorization: server.bearer };
		const { name: author } = (await ask(server, "GET /auth/me", { headers })).json as { name: string };
		let spaces = 0;
		const play = async (operations: readonly Operation[]) => {
			const space = `run-${++spaces}`;
			const { etag } = expectOk(await ask(server, "POST /spaces", { headers, body: { name: space } }));
			const run = new Run(server, `/spaces/${space}`, author);
			try {
				await run.begin();
				for (const operation of operations) await run.step(operation);
			} finally {
				run.end();
				await ask(server, `DELETE /spaces/${space}`, { headers: { ...headers, "if-match": etag } });
			}
		};
		await hold(name, fc.array(operation, { maxLength: 40, size: "max" }), play, 60);
	});
}

function expectOk({ status, headers }: Answer): { readonly etag: string } {
	expect(status).toBe(200);
	return { etag: headers.get("etag") ?? "" };
}

const neverThere = "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77";

/** One sequence of operations in a space of its own. */
class Run {
	readonly #model: CoordinationModel;
	#client: ReadySet | undefined;

	constructor(
		private readonly server: TestServer,
		private readonly prefix: `/${string}`,
		author: string,
	) {
		this.#model = new CoordinationModel(author);
	}

	async begin(): Promise<void> {
		this.#client = await ReadySet.open(this.server, this.prefix);
	}

	end(): void {
		this.#client?.close();
	}

	async step(operation: Operation): Promise<void> {
		if (operation.kind === "list") return this.#expectList(operation);
		const { events } = await this.#send(operation);
		await this.#expectSame(events);
	}

	#send(operation: Exclude<Operation, { kind: "list" }>): Promise<Outcome> {
		switch (operation.kind) {
			case "create":
				return this.#create(operation.fields);
			case "batch":
				return this.#batch(operation.tasks);
			case "patch":
				return this.#patch(operation);
			case "remove":
				return this.#remove(operation);
			case "next":
				return this.#next(operation);
			case "claim":
				return this.#claim(operation);
			case "heartbeat":
				return this.#heartbeat(operation);
			default:
				return this.#settle(operation);
		}
	}

	async #create(fields: Fields): Promise<Outcome> {
		const given = { ...this.#given(fields), title: "one" };
		const answer = await this.#ask("POST /collab/tasks", bodyOf(given));
		const { id = "" } = answer.json as { id?: string };
		return expectOutcome(answer, this.#model.create([id], [given]));
	}

	async #batch(tasks: readonly Fields[]): Promise<Outcome> {
		const bodies = tasks.map((fields, index) => {
			const idOf = (place: number) => (place >= 0 && place < index ? `#${place}` : this.#idAt(place));
			return { ...this.#given(fields, idOf), title: `${index}` };
		});
		const answer = await this.#ask("POST /collab/tasks/batch", { tasks: bodies.map(bodyOf) });
		const { items = [] } = answer.json as { items?: readonly { id: string }[] };
		// Where the batch is refused, any ids do.
		const ids = bodies.map((_, index) => items[index]?.id ?? `new-${index}`);
		const given = tasks.map((fields, index) => {
			const idOf = (place: number) => (place >= 0 && place < index ? (ids[place] ?? "") : this.#idAt(place));
			return { ...this.#given(fields, idOf), title: `${index}` };
		});
		return expectOutcome(answer, this.#model.create(ids, given));
	}

	async #patch({ target, fields, claimFence }: Extract<Operation, { kind: "patch" }>): Promise<Outcome> {
		const id = this.#idAt(target);
		const given = this.#given(fields);
		const fence = this.#claimFence(id, claimFence);
		const answer = await this.#ask(`PATCH /collab/tasks/${id}`, bodyOf(given), fence);
		return expectOutcome(answer, this.#model.patch(id, given, fence));
	}

	async #remove({ target, claimFence }: Extract<Operation, { kind: "remove" }>): Promise<Outcome> {
		const id = this.#idAt(target);
		const fence = this.#claimFence(id, claimFence);
		const answer = await this.#ask(`DELETE /collab/tasks/${id}`, undefined, fence);
		return expectOutcome(answer, this.#model.remove(id, fence));
	}

	async #next({ holder, label }: Extract<Operation, { kind: "next" }>): Promise<Outcome> {
		const answer = await this.#ask("POST /collab/tasks/claim", { holder, ...(label && { label }) });
		const { outcome, task } = this.#model.claimNext(holder, label);
		this.#grant(answer, task);
		return expectOutcome(answer, outcome);
	}

	async #claim({ target, holder }: Extract<Operation, { kind: "claim" }>): Promise<Outcome> {
		const id = this.#idAt(target);
		const answer = await this.#ask(`POST /collab/tasks/${id}/claim`, { holder });
		const { outcome, task } = this.#model.claim(id, holder);
		this.#grant(answer, task);
		return expectOutcome(answer, outcome);
	}

	async #heartbeat(operation: Extract<Operation, { kind: "heartbeat" }>): Promise<Outcome> {
		const id = this.#idAt(operation.target);
		const fence = this.#fence(id, operation.fence);
		const answer = await this.#ask(`POST /collab/tasks/${id}/heartbeat`, { fence });
		return expectOutcome(answer, this.#model.heartbeat(id, fence));
	}

	async #settle({
		kind,
		target,
		...rest
	}: Extract<Operation, { kind: "complete" | "release" }>): Promise<Outcome> {
		const id = this.#idAt(target);
		const fence = this.#fence(id, rest.fence);
		const answer = await this.#ask(`POST /collab/tasks/${id}/${kind}`, { fence, ...rest.body });
		return expectOutcome(answer, this.#model.settle(id, kind, fence, rest.body));
	}

	#grant(answer: Answer, task: string | undefined): void {
		if (task === undefined) return;
		const { claim, task: claimed } = answer.json as { claim: { fence: number }; task: { id: string } };
		expect(claimed.id).toBe(task);
		this.#model.granted(task, claim.fence);
	}

	/** The server's lists, counts and claims are the model's; its events were those, and the client knows the same. */
	async #expectSame(expected: readonly ExpectedEvent[]): Promise<void> {
		const ready = await this.#ask("GET /collab/state/tasks?ready=true&sort=priority&limit=1000");
		const followed = await this.#client?.until(eventIdOf(ready));
		expect(followed?.map(({ event }) => eventOf(event as never))).toEqual([...expected]);
		const isReady = this.#model.ready().map(({ id }) => id);
		expect(itemsOf(ready).map(({ id }) => id)).toEqual(isReady);
		expect(this.#client?.ids.toSorted()).toEqual(isReady.toSorted());

		const all = await this.#ask("GET /collab/state/tasks?order=asc&limit=1000");
		expect(itemsOf(all).map(known)).toEqual([...this.#model.tasks.values()]);
		expect(itemsOf(all) as unknown[]).toEqual(itemsOf(all).map(({ id }) => this.#client?.bodies.get(id)));

		const counted = (await this.#ask("GET /collab/tasks/stats")).json as { items: readonly Count[] };
		const statuses = [...this.#model.tasks.values()].map(({ status }) => status);
		for (const { count, status } of counted.items) {
			expect([status, count]).toEqual([status, statuses.filter((one) => one === status).length]);
		}

		const claims = (await this.#ask("GET /collab/claims?limit=1000")).json as { items: readonly Listed[] };
		expect(claims.items.map(({ task, fence, holder }) => [task, fence, holder])).toEqual(
			[...this.#model.claims].map(([task, { fence, holder }]) => [task, fence, holder]),
		);
	}

	async #expectList({ filter, sort, order, limit }: Listing): Promise<void> {
		const { blocked_by, parent, ...others } = filter;
		const links = {
			...(blocked_by !== undefined && { blocked_by: blocked_by === null ? null : this.#idAt(blocked_by) }),
			...(parent !== undefined && { parent: parent === null ? null : this.#idAt(parent) }),
		};
		const query = new URLSearchParams({ sort, order, limit: String(limit) });
		for (const [name, value] of Object.entries({ ...others, ...links })) {
			for (const one of [value].flat()) query.append(name, String(one ?? ""));
		}
		const found: string[] = [];
		for (let cursor: string | undefined; ; ) {
			const page = cursor === undefined ? "" : `&cursor=${cursor}`;
			const answer = await this.#ask(`GET /collab/state/tasks?${query}${page}`);
			expect(answer.status).toBe(200);
			found.push(...itemsOf(answer).map(({ id }) => id));
			cursor = (answer.json as { next_cursor?: string }).next_cursor;
			if (cursor === undefined) break;
		}
		const wanted = this.#inOrder(sort)
			.filter((task) => this.#fits(task, { ...others, ...links }))
			.map(({ id }) => id);
		expect(found).toEqual(order === "asc" ? wanted.toReversed() : wanted);
	}

	/** As `desc`. */
	#inOrder(sort: string): readonly ModelTask[] {
		const { tasks, updated } = this.#model;
		if (sort === "priority") return this.#model.byUrgency();
		if (sort === "created") return [...tasks.values()].toReversed();
		return updated.flatMap((id) => tasks.get(id) ?? []).toReversed();
	}

	#fits(task: ModelTask, filter: Filter): boolean {
		const { assignee, blocked_by, claimed_by, label, parent, ready, status } = filter;
		if (assignee !== undefined && task.assignee !== assignee) return false;
		if (claimed_by !== undefined && task.claimed_by !== claimed_by) return false;
		if (parent !== undefined && task.parent !== parent) return false;
		if (blocked_by === null && task.blocked_by.length > 0) return false;
		if (typeof blocked_by === "string" && !task.blocked_by.includes(blocked_by)) return false;
		if (label !== undefined && !label.every((one) => task.labels.includes(one))) return false;
		if (status !== undefined && !status.some((one) => one === task.status)) return false;
		return ready === undefined || this.#model.isReady(task);
	}

	/** `fence`: sent as `Claim-Fence`. */
	#ask(line: `${string} /${string}`, body?: unknown, fence?: ClaimFence): Promise<Answer> {
		const [method, path] = line.split(" ") as [string, `/${string}`];
		const headers = {
			authorization: this.server.bearer,
			...(["PATCH", "DELETE"].includes(method) && { "if-match": "*" }),
			...(fence !== undefined && { "claim-fence": String(fence) }),
		};
		return ask(this.server, `${method} ${this.prefix}${path}`, {
			headers,
			...(body !== undefined && { body }),
		});
	}

	#given({ blockedBy, parent, ...rest }: Fields, idOf = (place: number) => this.#idAt(place)): Given {
		return {
			...rest,
			...(blockedBy !== undefined && { blocked_by: blockedBy.map(idOf) }),
			...(parent !== undefined && { parent: parent === null ? null : idOf(parent) }),
		};
	}

	#idAt(place: number): string {
		const { known } = this.#model;
		return place < 0 || known.length === 0 ? neverThere : (known[place % known.length] ?? neverThere);
	}

	/** A fence that no claim had is that of another row, or of the future. */
	#fence(id: string, kind: string): number {
		const fences = this.#model.fences.get(id) ?? [];
		const never = 1_000_000_000;
		if (kind === "never") return never;
		return fences.at(kind === "newest" ? -1 : -2) ?? never;
	}

	#claimFence(id: string, kind: string | undefined): ClaimFence {
		return kind === undefined || kind === "*" ? kind : this.#fence(id, kind);
	}
}

type Filter = Omit<Listing["filter"], "blocked_by" | "parent"> & {
	readonly blocked_by?: string | null;
	readonly parent?: string | null;
};

interface Count {
	readonly count: number;
	readonly status: string;
}

interface Listed {
	readonly task: string;
	readonly fence?: number;
	readonly holder: string;
}

type Item = ModelTask & { readonly defer_until: string | null };

function itemsOf({ json }: Answer): readonly Item[] {
	return (json as { items: readonly Item[] }).items;
}

/** What the model knows of a task. */
function known({ defer_until, ...task }: Item): ModelTask {
	return {
		...{ assignee: task.assignee, blocked_by: task.blocked_by, claimed_by: task.claimed_by, id: task.id },
		...{ labels: task.labels, note: task.note, parent: task.parent, priority: task.priority },
		...{ rank: task.rank, status: task.status, title: task.title, version: task.version },
		isDeferred: defer_until !== null,
	};
}

function bodyOf({ isDeferred, ...given }: Given): object {
	return { ...given, ...(isDeferred !== undefined && { defer_until: isDeferred ? future : null }) };
}

function eventOf({
	type,
	subject,
	ready,
}: {
	type: string;
	subject: string;
	ready?: boolean;
}): ExpectedEvent {
	return { type, task: subject.replace("/collab/tasks/", ""), ...(ready !== undefined && { ready }) };
}

/** A body of a task has its own tag. */
function expectOutcome(answer: Answer, outcome: Outcome): Outcome {
	const type = answer.status >= 400 ? errorOf(answer).type : undefined;
	expect({ status: answer.status, type }).toEqual({ status: outcome.status, type: outcome.type });
	const { title } = (answer.json ?? {}) as { title?: string };
	if (title !== undefined) expect(answer.headers.get("etag")).toBe(`"${sha256(answer.text)}"`);
	return outcome;
}
