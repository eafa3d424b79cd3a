import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Answer, ask, errorOf } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { hold } from "./seed.ts";
import { type Expected, TaskModel } from "./task-model.ts";

/** The task of an operation: one that was created, deleted or not, by its index; or none. */
const target = fc.oneof({ weight: 6, arbitrary: fc.nat(7) }, { weight: 1, arbitrary: fc.constant(-1) });

const ifMatch = fc.constantFrom(
	"current",
	"current",
	"current",
	"old",
	"*",
	"weak",
	"other",
	"list",
	"malformed",
	"absent",
);

const text = fc.oneof(
	fc.string({ maxLength: 30 }),
	fc.string({ unit: "binary", maxLength: 30 }),
	fc.constantFrom("same", "", " ", "\t\u2003", "\0", "a\0", "\ud800", "b\udfff", "'; --", "__proto__"),
	fc.constantFrom("x".repeat(200), "x".repeat(201), "😀".repeat(200), "😀".repeat(201)),
);
const description = fc.oneof(text, fc.constantFrom("y".repeat(20_000), "y".repeat(20_001)));
const wrong = fc.constantFrom(null, 1, true, [], {});

const newTask = fc.record(
	{
		title: fc.oneof({ weight: 9, arbitrary: text }, { weight: 1, arbitrary: wrong }),
		description: fc.oneof({ weight: 9, arbitrary: description }, { weight: 1, arbitrary: wrong }),
		extra: fc.constant(1),
	},
	{ requiredKeys: [] },
);

/** Valid patches, of which many change nothing. */
const patch = fc.constantFrom<Readonly<Record<string, unknown>>>(
	{},
	{ title: "a" },
	{ title: "b" },
	{ description: null },
	{ description: "" },
);

const operation = fc.oneof(
	{
		weight: 4,
		arbitrary: fc.record({
			kind: fc.constant("create" as const),
			body: fc.oneof(newTask, fc.record({ title: fc.constantFrom("a", "b") })),
			key: fc.constantFrom(undefined, "one", "one", "two", "not one"),
		}),
	},
	{
		weight: 4,
		arbitrary: fc.record({
			kind: fc.constant("patch" as const),
			target,
			ifMatch,
			body: fc.oneof<fc.Arbitrary<Readonly<Record<string, unknown>>>[]>(newTask, patch),
		}),
	},
	{ weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), target, ifMatch }) },
	{
		weight: 2,
		arbitrary: fc.record({
			kind: fc.constant("get" as const),
			target,
			ifNoneMatch: fc.constantFrom("absent", "current", "weak", "old", "*"),
		}),
	},
	{
		weight: 1,
		arbitrary: fc.record({
			kind: fc.constant("list" as const),
			order: fc.constantFrom("asc" as const, "desc" as const),
			limit: fc.integer({ min: 1, max: 5 }),
		}),
	},
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

for (const { name, newUrl } of everyDatabase) {
	test(`tasks on ${name} behave as a small model does, in any sequence of operations`, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });
		let numbers = 0;
		const play = async (operations: readonly Operation[]) => {
			const model = new TaskModel(await emptied(server), numbers);
			for (const operation of operations) {
				await step(server, model, operation);
				numbers = model.numbers;
			}
			await expectList(server, model, "asc", 1000);
		};
		await hold(name, fc.array(operation, { maxLength: 30, size: "max" }), play, 100);
	});
}

/** Removes every task that another run has left; returns the number of the newest event. */
async function emptied(server: TestServer): Promise<number> {
	const headers = { authorization: server.bearer, "if-match": "*" };
	const { json } = await ask(server, "GET /collab/state/tasks?limit=1000");
	const { items } = json as { items: readonly { id: string }[] };
	await Promise.all(items.map(({ id }) => ask(server, `DELETE /collab/tasks/${id}`, { headers })));
	return Number((await ask(server, "GET /collab/state/tasks")).headers.get("x-event-id"));
}

async function step(server: TestServer, model: TaskModel, operation: Operation): Promise<void> {
	const user = { authorization: server.bearer };
	if (operation.kind === "list") return expectList(server, model, operation.order, operation.limit);
	if (operation.kind === "create") {
		const { body, key } = operation;
		// A key belongs to one run: the next one may use it for another request.
		const keyed = key === undefined ? undefined : `${key}${key === "not one" ? "" : model.run}`;
		const headers = { ...user, ...(keyed && { "idempotency-key": keyed }) };
		const answer = await ask(server, "POST /collab/tasks", { headers, body });
		const made = answer.json as Readonly<Record<string, unknown>>;
		return expectAnswer(answer, model.create(made, body, keyed));
	}
	const { id, current, old } = model.at(operation.target);
	const line = `/collab/tasks/${id}` as const;
	if (operation.kind === "get") {
		const tags = tagsOf(operation.ifNoneMatch, current, old);
		const answer = await ask(
			server,
			`GET ${line}`,
			tags === undefined ? {} : { headers: { "if-none-match": tags } },
		);
		return expectAnswer(answer, model.get(id, tags));
	}
	const tags = tagsOf(operation.ifMatch, current, old);
	const headers = { ...user, ...(tags !== undefined && { "if-match": tags }) };
	if (operation.kind === "patch") {
		const { body } = operation;
		const answer = await ask(server, `PATCH ${line}`, { headers, body });
		const { updated_at } = answer.json as { updated_at?: unknown };
		return expectAnswer(answer, model.patch(id, tags, body, updated_at));
	}
	expectAnswer(await ask(server, `DELETE ${line}`, { headers }), model.remove(id, tags));
}

function tagsOf(kind: string, current: string, old: string): string | undefined {
	return {
		current,
		old,
		weak: `W/${current}`,
		other: `"${"0".repeat(64)}"`,
		list: `"x", ${current}, ${old}`,
		malformed: "x",
		"*": "*",
	}[kind];
}

function expectAnswer(answer: Answer, expected: Expected): void {
	const { status, headers, text } = answer;
	const type = status >= 400 ? errorOf(answer).type : undefined;
	const etag = headers.get("etag") ?? undefined;
	const replayed = headers.has("idempotency-replayed") || undefined;
	expect({ status, type, etag, replayed, text: status < 300 ? text : undefined }).toEqual({
		type: undefined,
		etag: undefined,
		replayed: undefined,
		text: undefined,
		...expected,
	});
}

async function expectList(
	server: TestServer,
	model: TaskModel,
	order: "asc" | "desc",
	limit: number,
): Promise<void> {
	const bodies: string[] = [];
	let cursor: string | undefined = "";
	do {
		const query: string = `order=${order}&limit=${limit}${cursor && `&cursor=${cursor}`}`;
		const { headers, json, status } = await ask(server, `GET /collab/state/tasks?${query}`);
		expect([status, headers.get("x-event-id")]).toEqual([200, String(model.rev)]);
		const page = json as { items: readonly object[]; next_cursor?: string };
		expect(page.items.length).toBeLessThanOrEqual(limit);
		bodies.push(...page.items.map((item) => JSON.stringify(item)));
		cursor = page.next_cursor;
	} while (cursor !== undefined);
	const wanted = order === "asc" ? model.bodies() : model.bodies().toReversed();
	expect(bodies).toEqual([...wanted]);
}
