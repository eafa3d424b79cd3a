import { describe, expect, test } from "bun:test";
import { canonical, sha256 } from "../../src/kernel/canonical.ts";
import { newId } from "../../src/kernel/ids.ts";
import { ask, errorOf } from "../support/ask.ts";
import { durableDatabases } from "../support/databases.ts";
import { startServer } from "../support/server.ts";
import { expectConsistent, type TaskBody, taskOf, taskVerbs } from "../support/tasks.ts";
import { testEmail } from "../support/users.ts";

/** Every field that a request can set, with a value, and as a body shows it where that is another one. */
const given = {
	assignee: "Ada",
	blocked_by: [],
	defer_until: "9000-01-01T00:00:00.5+01:00",
	description: "d",
	due_at: "2026-11-23t08:15:00.123999z",
	labels: ["b", "a", "b", "\u{1f600}", "\ufb33"],
	metadata: { b: { c: null, d: 1 }, a: [null, { x: null }], "": 2, gone: null },
	note: "why",
	parent: null,
	priority: -100,
	rank: "a0b",
	status: "waiting",
	title: "t",
};
const shown = {
	...given,
	defer_until: "8999-12-31T23:00:00.500Z",
	due_at: "2026-11-23T08:15:00.123Z",
	labels: ["a", "b", "\u{1f600}", "\ufb33"],
	metadata: { "": 2, a: [null, { x: null }], b: { d: 1 } },
	note: { by: testEmail.replace(/@.*/, ""), text: "why" },
};
const defaults = {
	assignee: null,
	blocked_by: [],
	defer_until: null,
	description: "",
	due_at: null,
	labels: [],
	metadata: {},
	note: null,
	parent: null,
	priority: 0,
	status: "open",
};

/** Nested so deep, the outermost object included. */
function nested(depth: number): object {
	let value: object = {};
	for (let level = 1; level < depth; level++) {
		value = level % 2 === 0 || level === depth - 1 ? { a: value } : [value];
	}
	return value;
}

for (const { name, newUrl } of durableDatabases) {
	describe(name, async () => {
		const url = await newUrl();
		const server = await startServer({ DATABASE_URL: url });
		const { post, patch, create, events } = taskVerbs(server);

		test("what a request sets is what the body shows, in canonical form, and its event and ETag too", async () => {
			const answer = await post(given);
			const task = taskOf(answer);
			expect(task).toMatchObject(shown);
			expect(answer.text).toBe(canonical(task));
			expect(answer.headers.get("etag")).toBe(`"${sha256(answer.text)}"`);
			const got = await ask(server, `GET /collab/tasks/${task.id}`);
			expect(got.text).toBe(answer.text);
			const [event] = (await events()).slice(-1);
			expect([event?.type, event?.ready, canonical(event?.data)]).toEqual([
				"task.created",
				false,
				answer.text,
			]);
			const patched = await patch((await create()).id, given);
			expect(taskOf(patched)).toMatchObject({ ...shown, version: 2 });
			await expectConsistent(url);
		});

		test("a title alone gives the defaults, and null resets to them", async () => {
			const plain = await create();
			const { id } = plain;
			expect(plain).toMatchObject({ ...defaults, rank: `${id.replaceAll("-", "").slice(0, 16)}m` });
			expect(Object.keys(plain)).toHaveLength(21);
			const nulls = Object.fromEntries(Object.keys(given).map((field) => [field, null]));
			const { title: _, ...rest } = nulls;
			expect(await create(rest)).toMatchObject(defaults);
			const full = await create(given);
			const reset = taskOf(await patch(full.id, { ...rest, rank: null }));
			const rank = `${full.id.replaceAll("-", "").slice(0, 16)}m`;
			expect(reset).toMatchObject({ ...defaults, rank, version: 2, title: "t" });
			await expectConsistent(url);
		});

		test("a patch that changes nothing keeps version, ETag and log, whatever it names", async () => {
			const task = await create({ ...given, defer_until: null });
			const before = (await events()).length;
			const { id: _, number: __, ...body } = task;
			const same = {
				...given,
				defer_until: "2000-01-01T00:00:00Z",
				labels: ["b", "\ufb33", "a", "\u{1f600}"],
			};
			for (const one of [{}, same, { metadata: { b: { d: 1, e: null } } }, { rank: body.rank }]) {
				expect(taskOf(await patch(task.id, one))).toEqual(task);
			}
			expect((await events()).length).toBe(before);
		});

		test("metadata is merged as RFC 7396 says, and never has a null member", async () => {
			const { id } = await create({ metadata: { a: { b: 1, c: 2 }, d: [1], e: "x" } });
			const steps: readonly (readonly [object, object])[] = [
				[{ a: { b: null, f: { g: null, h: 1 } } }, { a: { c: 2, f: { h: 1 } }, d: [1], e: "x" }],
				[
					{ d: { i: null }, e: null },
					{ a: { c: 2, f: { h: 1 } }, d: {} },
				],
				[{ a: [{ z: null }] }, { a: [{ z: null }], d: {} }],
				[{ a: null, d: null }, {}],
			];
			for (const [metadata, after] of steps) {
				expect(taskOf(await patch(id, { metadata })).metadata).toEqual(after as TaskBody["metadata"]);
			}
			const special = '{"metadata":{"__proto__":{"x":1},"constructor":2,"toJSON":"t"},"title":"t"}';
			const made = await post(special);
			expect(made.text).toContain('"metadata":{"__proto__":{"x":1},"constructor":2,"toJSON":"t"}');
			const more = await patch(taskOf(made).id, '{"metadata":{"__proto__":{"y":2}}}');
			expect(more.text).toContain('"metadata":{"__proto__":{"x":1,"y":2},"constructor":2,"toJSON":"t"}');
		});

		test("metadata is 32 deep and 16 KiB in canonical form at most, also where a patch makes it so", async () => {
			const { id } = await create({ metadata: nested(32) });
			const bytes = (length: number) => ({ a: "é".repeat((length - '{"a":""}'.length) / 2) });
			expect((await patch(id, { metadata: null })).status).toBe(200);
			expect((await patch(id, { metadata: bytes(16 * 1024) })).status).toBe(200);
			const deep = `{"title":"t","metadata":{"a":${"[".repeat(5000)}${"]".repeat(5000)}}}`;
			const faulty = [
				await post({ title: "t", metadata: nested(33) }),
				await post(deep, { "idempotency-key": newId() }),
				await post({ title: "t", metadata: bytes(16 * 1024 + 2) }),
				await patch(id, { metadata: nested(33) }),
				await patch(id, { metadata: { b: 1 } }),
			];
			for (const answer of faulty) {
				expect([answer.status, errorOf(answer).details?.map(({ path }) => path)]).toEqual([
					422,
					["/metadata"],
				]);
			}
			expect(taskOf(await patch(id, {})).metadata).toEqual(bytes(16 * 1024));
		});

		test("a change of status moves status_since and clears the note, unless it brings one", async () => {
			const made = await create({ note: "first" });
			const { id } = made;
			const waiting = taskOf(await patch(id, { status: "waiting", note: "which one?" }));
			expect(waiting.note?.text).toBe("which one?");
			expect(waiting.status_since > made.status_since).toBe(true);
			const kept = taskOf(await patch(id, { title: "other", status: "waiting" }));
			expect([kept.note, kept.status_since]).toEqual([waiting.note, waiting.status_since]);
			const done = taskOf(await patch(id, { status: "done" }));
			expect(done.note).toBeNull();
			const cancelled = taskOf(await patch(id, { status: "cancelled" }));
			expect(cancelled.status_since).toBe(done.status_since);
			const again = taskOf(await patch(id, { status: null, note: null }));
			expect([again.status, again.status_since > done.status_since]).toEqual(["open", true]);
			await expectConsistent(url);
		});

		test("every fault is 422 at its place, all at once, and changes nothing", async () => {
			const wrong: Readonly<Record<string, readonly unknown[]>> = {
				assignee: ["", "x".repeat(101), "a\u0085", "a\n", 1],
				blocked_by: ["x", {}],
				defer_until: ["soon", "2026-02-30T00:00:00Z", "2026-11-23T08:15:00", "0000-01-01T00:00:00+01:00", 1],
				description: ["x".repeat(20_001), 1],
				due_at: ["9999-12-31T23:59:59-01:00", "2016-12-31T23:59:60Z"],
				labels: [Array.from({ length: 21 }, (_, n) => `${n}`), "x"],
				metadata: [[], "x", 1],
				note: ["", "x".repeat(301), "a\nb", "a\u2028b", { by: "x", text: "y" }],
				parent: [[], "x".repeat(37)],
				priority: [-101, 101, 0.5, "1"],
				rank: ["", "a0", "a-", "x".repeat(101), "é"],
				status: ["ready", "", 1],
				title: ["", " ", "x".repeat(201), null],
			};
			const { id } = await create();
			const before = (await events()).length;
			for (const [field, values] of Object.entries(wrong)) {
				for (const value of values) {
					for (const answer of [
						await post({ title: "t", [field]: value }),
						await patch(id, { [field]: value }),
					]) {
						const paths = new Set(errorOf(answer).details?.map(({ path }) => path));
						expect([field, value, answer.status, [...paths]]).toEqual([field, value, 422, [`/${field}`]]);
					}
				}
			}
			const items = { labels: ["", "x".repeat(51), 1], blocked_by: [1, "x".repeat(37)] };
			expect(errorOf(await post({ ...items, title: "" })).details?.map(({ path }) => path)).toEqual([
				"/title",
				"/blocked_by/0",
				"/blocked_by/1",
				"/labels/0",
				"/labels/1",
				"/labels/2",
			]);
			const late = { due_at: "0000-01-01T00:00:00+01:00", metadata: nested(33) };
			expect(errorOf(await post({ title: "t", ...late })).details?.map(({ path }) => path)).toEqual([
				"/due_at",
				"/metadata",
			]);
			expect((await events()).length).toBe(before);
		}, 60_000);

		test("what is read-only is an unknown field", async () => {
			const readOnly = [
				"claimed_by",
				"created_at",
				"created_by",
				"id",
				"number",
				"status_since",
				"updated_at",
			];
			const task = await create();
			for (const field of [...readOnly, "version"]) {
				const body = { [field]: task[field as keyof TaskBody] };
				for (const answer of [await post({ title: "t", ...body }), await patch(task.id, body)]) {
					expect([answer.status, errorOf(answer).details]).toEqual([
						422,
						[{ message: "is not a known field", path: `/${field}` }],
					]);
				}
			}
		});

		test("the time that a task is deferred to ends it, as the system's change, by the database's clock", async () => {
			const task = await create({ defer_until: new Date(Date.now() + 300).toISOString() });
			expect(task.defer_until).not.toBeNull();
			expect((await create({ defer_until: new Date(Date.now() - 1).toISOString() })).defer_until).toBeNull();
			const deadline = Date.now() + 5000;
			const changed = async () => (await events()).findLast(({ subject }) => subject.endsWith(task.id));
			while ((await changed())?.type === "task.created" && Date.now() < deadline) await Bun.sleep(20);
			expect(await changed()).toMatchObject({
				type: "task.updated",
				actor: "system",
				ready: true,
				data: { defer_until: null, version: 2 },
			});
			await expectConsistent(url);
		});

		test("numbers count the tasks of a space, and restarts leave no gaps", async () => {
			const own = await newUrl();
			const numbers: number[] = [];
			for (let start = 0; start < 3; start++) {
				const one = await startServer({ DATABASE_URL: own });
				const verbs = taskVerbs(one);
				expect((await verbs.post({ title: "t", blocked_by: [newId()] })).status).toBe(422);
				const made = await Promise.all(Array.from({ length: 7 }, () => verbs.create()));
				numbers.push(...made.map(({ number }) => number));
				await verbs.remove(made[6]?.id ?? "");
				await one.stop();
			}
			expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 21 }, (_, n) => n + 1));
		});
	});
}
