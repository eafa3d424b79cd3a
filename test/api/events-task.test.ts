import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { newId } from "../../src/kernel/ids.ts";
import { type Answer, ask, errorOf } from "../support/ask.ts";
import { addTask, comment } from "../support/comments.ts";
import { everyDatabase } from "../support/databases.ts";
import type { CloudEvent } from "../support/events.ts";
import { startServer, type TestServer, testApiKey } from "../support/server.ts";
import { addToken, bearer } from "../support/tokens.ts";

setDefaultTimeout(60_000);

const key = { "x-api-key": testApiKey };

interface EventPage {
	readonly items: readonly CloudEvent[];
	readonly next_after: number;
}

type Headers = Readonly<Record<string, string>>;

async function eventsOf(
	server: TestServer,
	task: string,
	{ more = "", prefix = "", headers = {} as Headers } = {},
): Promise<Answer & { readonly page: EventPage; readonly types: readonly string[] }> {
	const path = `${prefix}/events?task=${encodeURIComponent(task)}${more}` as `/${string}`;
	const answer = await ask(server, `GET ${path}`, { headers });
	expect(answer.status).toBe(200);
	const page = answer.json as EventPage;
	return { ...answer, page, types: page.items.map(({ type }) => type) };
}

/** A task with a change, a comment that is deleted and one that stays, among events of another task and of a job. */
async function busyTask(server: TestServer): Promise<string> {
	const { bearer: authorization } = server;
	const [task, other] = [await addTask(server), await addTask(server)];
	await comment(server, other, "elsewhere");
	await ask(server, `PATCH /collab/tasks/${task}`, {
		headers: { authorization, "if-match": "*" },
		body: { title: "changed" },
	});
	const { id } = (await comment(server, task, "a")).comment;
	await ask(server, "POST /jobs", { headers: key, body: { kind: "k", payload: { task } } });
	await comment(server, task, "b");
	await ask(server, `DELETE /collab/tasks/${task}/comments/${id}`, { headers: { authorization } });
	return task;
}

const all = ["task.created", "task.updated", "task.commented", "task.commented", "task.comment_deleted"];

for (const { name, newUrl } of everyDatabase) {
	describe(`the events of a task on ${name}`, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });
		const { bearer: authorization } = server;

		test("are those of its changes and of its comments, in order, as the log has them", async () => {
			const task = await busyTask(server);
			const { page, types, headers } = await eventsOf(server, task);
			expect(types).toEqual(all);
			const { rev } = await server.storage.events.range();
			expect(page.next_after).toBe(rev);
			expect(headers.get("cache-control")).toBe("no-store");
			const whole = (await ask(server, `GET /events?after=${Number(page.items[0]?.id) - 1}`))
				.json as EventPage;
			const own = whole.items.filter(({ subject }) => subject.includes(task));
			expect(page.items).toEqual(own);
		});

		test("stay after its deletion, and with the deletion are all that there is", async () => {
			const task = await busyTask(server);
			await ask(server, `DELETE /collab/tasks/${task}`, { headers: { authorization, "if-match": "*" } });
			expect((await eventsOf(server, task)).types).toEqual([...all, "task.deleted"]);
		});

		test("are paged by limit and after, and narrowed by types", async () => {
			const task = await busyTask(server);
			const seen: string[] = [];
			let after = 0;
			for (;;) {
				const { page, types } = await eventsOf(server, task, { more: `&limit=2&after=${after}` });
				expect(types.length).toBeLessThanOrEqual(2);
				expect(page.next_after).toBeGreaterThanOrEqual(after);
				seen.push(...types);
				if (page.next_after === after) break;
				after = page.next_after;
			}
			expect(seen).toEqual(all);
			const narrowed = await eventsOf(server, task, { more: "&types=task.commented,job.*,task.deleted" });
			expect(narrowed.types).toEqual(["task.commented", "task.commented"]);
			expect((await eventsOf(server, task, { more: "&types=job.*", headers: key })).types).toEqual([]);
			const unknown = await ask(server, `GET /events?task=${task}&types=x`);
			expect([unknown.status, errorOf(unknown).details?.[0]?.path]).toEqual([422, "/types"]);
			const newer = await ask(server, `GET /events?task=${task}&after=${after + 1}`);
			expect([newer.status, errorOf(newer).details?.[0]?.path]).toEqual([422, "/after"]);
		});

		test("are none for a text that is no id of a task, and two of them do not fit", async () => {
			const task = await busyTask(server);
			const { rev } = await server.storage.events.range();
			for (const none of [
				newId(),
				"",
				"no-id",
				"%",
				task.toUpperCase(),
				`${task} `,
				`${task}/`,
				"ä".repeat(2000),
			]) {
				const { page } = await eventsOf(server, none);
				expect([none, page]).toEqual([none, { items: [], kind: "events", next_after: rev } as never]);
			}
			for (const query of [`task=${task}&task=${task}`, "task=%00"]) {
				const unfit = await ask(server, `GET /events?${query}`);
				expect([unfit.status, errorOf(unfit).details?.[0]?.path]).toEqual([422, "/task"]);
			}
			const tail = await ask(server, `GET /events/tail?task=${task}`);
			expect([tail.status, errorOf(tail).type]).toEqual([422, "validation_error"]);
		});

		test("of another space are none, and those of a space are read within it alone", async () => {
			await ask(server, "POST /spaces", { headers: { authorization }, body: { name: "acme" } });
			const within = { prefix: "/spaces/acme", headers: { authorization } };
			const task = await addTask(server, "/spaces/acme");
			await ask(server, `POST /spaces/acme/collab/tasks/${task}/comments`, {
				headers: { authorization },
				body: { body: "a" },
			});
			const own = await eventsOf(server, task, within);
			expect(own.types).toEqual(["task.created", "task.commented"]);
			expect(own.page.items[0]?.source).toBe("/orchestrator/spaces/acme");
			expect(own.headers.get("cache-control")).toBe("private, no-cache");
			expect((await eventsOf(server, task)).types).toEqual([]);
			expect((await eventsOf(server, await busyTask(server), within)).types).toEqual([]);
			expect((await ask(server, `GET /spaces/acme/events?task=${task}`)).status).toBe(401);
		});
	});

	test(`the events of a task on ${name} are for those who may read tasks`, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl(), READS: "login" });
		const task = await busyTask(server);
		expect((await ask(server, `GET /events?task=${task}`)).status).toBe(401);
		expect((await eventsOf(server, task, { headers: { authorization: server.bearer } })).types).toEqual(all);
		const reading = await addToken(server, { scopes: ["tasks:read"] });
		expect((await eventsOf(server, task, { headers: bearer(reading) })).types).toEqual(all);
		// These see jobs alone.
		const jobs = await addToken(server, { scopes: ["jobs"] });
		for (const headers of [key, bearer(jobs)]) {
			expect((await eventsOf(server, task, { headers })).types).toEqual([]);
		}
	});
}
