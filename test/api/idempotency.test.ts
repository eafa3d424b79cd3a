import { describe, expect, test } from "bun:test";
import { newId } from "../../src/kernel/ids.ts";
import { ask, errorOf } from "../support/ask.ts";
import { durableDatabases, everyDatabase } from "../support/databases.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { runSql } from "../support/sql.ts";
import { addUser } from "../support/users.ts";

function create(server: TestServer, key: string, body: unknown, authorization = server.bearer) {
	return ask(server, "POST /collab/tasks", { headers: { authorization, "idempotency-key": key }, body });
}

async function titles(server: TestServer): Promise<readonly string[]> {
	const { json } = await ask(server, "GET /collab/state/tasks");
	return (json as { items: { title: string }[] }).items.map(({ title }) => title);
}

for (const { name, newUrl } of everyDatabase) {
	describe(name, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });

		test("of 30 concurrent requests with one key one creates, and all get its response", async () => {
			const answers = await Promise.all(
				Array.from({ length: 30 }, () => create(server, "thirty", { title: "thirty times" })),
			);
			expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
			expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
			expect(new Set(answers.map(({ headers }) => headers.get("etag"))).size).toBe(1);
			expect(new Set(answers.map(({ headers }) => headers.get("location"))).size).toBe(1);
			const replayed = answers.filter(({ headers }) => headers.get("idempotency-replayed") === "true");
			expect(replayed).toHaveLength(29);
			expect((await titles(server)).filter((title) => title === "thirty times")).toHaveLength(1);
		});

		test("the same request in another spelling is a retry, another request is a mismatch", async () => {
			const first = await create(server, "spelling", '{"title":"a","description":"b"}');
			const again = await create(server, "spelling", ' {"description":"\\u0062", "title":"a"}');
			expect([again.status, again.text]).toEqual([200, first.text]);
			for (const body of [{ title: "a" }, { title: "A", description: "b" }]) {
				const other = await create(server, "spelling", body);
				expect([other.status, errorOf(other).type]).toEqual([422, "idempotency_mismatch"]);
				expect(other.headers.get("idempotency-replayed")).toBeNull();
				expect(other.text).not.toContain("spelling");
			}
		});

		test("the first response is replayed even after the task was changed or deleted", async () => {
			const first = await create(server, "later", { title: "before" });
			const { id } = first.json as { id: string };
			const headers = { authorization: server.bearer, "if-match": "*" };
			await ask(server, `PATCH /collab/tasks/${id}`, { headers, body: { title: "after" } });
			expect((await create(server, "later", { title: "before" })).text).toBe(first.text);
			await ask(server, `DELETE /collab/tasks/${id}`, { headers });
			const again = await create(server, "later", { title: "before" });
			expect([again.text, again.headers.get("etag")]).toEqual([first.text, first.headers.get("etag")]);
			expect((await ask(server, `GET /collab/tasks/${id}`)).status).toBe(404);
		});

		test("the same key of another user is another key", async () => {
			const other = await addUser(server.storage, server.url, "grace@example.com");
			const mine = await create(server, "shared", { title: "mine" });
			const theirs = await create(server, "shared", { title: "theirs" }, other);
			expect([theirs.status, theirs.headers.get("idempotency-replayed")]).toEqual([200, null]);
			expect(theirs.text).not.toBe(mine.text);
			expect((await create(server, "shared", { title: "theirs" }, other)).text).toBe(theirs.text);
		});

		test("a rejected request stores nothing under its key", async () => {
			for (const [body, status] of [
				[{ title: "" }, 422],
				["{", 400],
			] as const) {
				expect((await create(server, "failed", body)).status).toBe(status);
			}
			expect((await create(server, "failed", { title: "x" }, "Bearer x")).status).toBe(401);
			const answer = await create(server, "failed", { title: "right at last" });
			expect([answer.status, answer.headers.get("idempotency-replayed")]).toEqual([200, null]);
		});

		test("a malformed key is 400, the longest and oddest valid ones are not", async () => {
			for (const key of ["", " ", "a b", "x".repeat(256), "é", "tab\tin"]) {
				const answer = await create(server, key, { title: "never" });
				expect([key, answer.status, errorOf(answer).type]).toEqual([key, 400, "bad_request"]);
			}
			expect(await titles(server)).not.toContain("never");
			for (const key of ["x".repeat(255), "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"]) {
				expect((await create(server, key, { title: "ever" })).status).toBe(200);
			}
		});
	});
}

for (const { name, newUrl } of durableDatabases) {
	test(`${name}: a key is kept over a restart and by every replica, for 24 hours`, async () => {
		const JWT_SECRET = "a secret that two replicas share";
		const env = { DATABASE_URL: await newUrl(), JWT_SECRET, JWT_EXPIRE_MINUTES: "10000" };
		// The servers' own clocks are not used.
		const clock = () => Date.UTC(2040);
		const first = await startServer(env, { clock, newId });
		const created = await create(first, "durable", { title: "once" });
		const replica = await startServer(env, { clock });
		const elsewhere = await create(replica, "durable", { title: "once" }, first.bearer);
		expect([elsewhere.text, elsewhere.headers.get("idempotency-replayed")]).toEqual([created.text, "true"]);
		await first.stop();
		await replica.stop();

		const restarted = await startServer(env, { clock });
		const age = (seconds: number) =>
			runSql(env.DATABASE_URL, `UPDATE idempotency SET created_at = created_at - ${seconds * 1000}`);
		await age(24 * 60 * 60 - 60);
		expect((await create(restarted, "durable", { title: "once" }, first.bearer)).text).toBe(created.text);
		await age(60);
		const nextDay = await create(restarted, "durable", { title: "once" }, first.bearer);
		expect([nextDay.status, nextDay.headers.get("idempotency-replayed")]).toEqual([200, null]);
		expect(await titles(restarted)).toEqual(["once", "once"]);
	});

	test(`${name}: of retries that race on two replicas one creates`, async () => {
		const env = { DATABASE_URL: await newUrl(), JWT_SECRET: "a secret that two replicas share" };
		const replicas = [await startServer(env), await startServer(env)];
		const bearer = replicas[0]?.bearer;
		const answers = await Promise.all(
			Array.from({ length: 20 }, (_, index) => {
				const server = replicas[index % 2];
				return server && create(server, "race", { title: "raced" }, bearer);
			}),
		);
		expect(new Set(answers.map((answer) => answer?.text)).size).toBe(1);
		expect(new Set(answers.map((answer) => answer?.status))).toEqual(new Set([200]));
	});
}
