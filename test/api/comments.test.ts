import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { canonical, sha256 } from "../../src/kernel/canonical.ts";
import { newId } from "../../src/kernel/ids.ts";
import { type Answer, ask, errorOf, type Question } from "../support/ask.ts";
import { addTask, type CommentBody, comment } from "../support/comments.ts";
import { durableDatabases, everyDatabase } from "../support/databases.ts";
import type { CloudEvent } from "../support/events.ts";
import { startServer, type TestServer, testApiKey } from "../support/server.ts";
import { addMember } from "../support/spaces.ts";
import { runSql } from "../support/sql.ts";
import { addToken, bearer, idOf, inKey } from "../support/tokens.ts";
import { addUser } from "../support/users.ts";

// Every test asks many times.
setDefaultTimeout(60_000);

interface CommentPage {
	readonly items: readonly CommentBody[];
	readonly kind: string;
	readonly next_cursor?: string;
}

const commentsOf = (task: string) => `/collab/tasks/${task}/comments` as const;

for (const { name, newUrl } of everyDatabase) {
	describe(`comments on ${name}`, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });
		const authorization = server.bearer;
		const userId = await idOf(server);

		const post = (task: string, question: Question) =>
			ask(server, `POST ${commentsOf(task)}`, {
				...question,
				headers: { authorization, ...question.headers },
			});

		const remove = (task: string, id: string, headers: Record<string, string> = { authorization }) =>
			ask(server, `DELETE ${commentsOf(task)}/${id}`, { headers });

		async function list(task: string, query = ""): Promise<Answer & { readonly page: CommentPage }> {
			const answer = await ask(server, `GET ${commentsOf(task)}${query}`);
			expect(answer.status).toBe(200);
			expect(canonical(answer.json)).toBe(answer.text);
			return { ...answer, page: answer.json as CommentPage };
		}

		async function newest(count: number): Promise<readonly (CloudEvent & { data: unknown })[]> {
			const { rev } = await server.storage.events.range();
			const answer = await ask(server, `GET /events?after=${rev - count}`);
			return (answer.json as { items: CloudEvent[] }).items;
		}

		test("a comment is answered whole and canonical, for its author alone, and listed as it was answered", async () => {
			const task = await addTask(server);
			const answer = await comment(server, task, 'One — „zwei“ \u2028 👩‍🚀\n\t\\"');
			expect(answer.text).toBe(canonical(answer.json));
			expect(answer.comment).toEqual({
				body: 'One — „zwei“ \u2028 👩‍🚀\n\t\\"',
				created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
				created_by: `user/${userId}`,
				id: expect.stringMatching(/^[0-9a-f-]{36}$/),
				task,
			});
			expect(answer.headers.get("cache-control")).toBe("private, no-cache");
			expect(answer.headers.get("vary")).toBe("Origin, Authorization, X-API-Key");
			for (const absent of ["etag", "location", "idempotency-replayed"])
				expect(answer.headers.get(absent)).toBeNull();
			expect((await list(task)).text).toBe(`{"items":[${answer.text}],"kind":"comments"}`);
		});

		test("its events have the comment byte for byte, its path, who did it and the request", async () => {
			const task = await addTask(server);
			const answer = await post(task, { body: { body: "a" }, headers: { "x-request-id": "adds" } });
			const { id } = answer.json as CommentBody;
			const token = await addToken(server);
			await remove(task, id, { ...bearer(token), "x-request-id": "removes" });
			const events = await newest(2);
			const subject = `${commentsOf(task)}/${id}`;
			expect(events).toMatchObject([
				{ type: "task.commented", subject, actor: `user/${userId}`, requestid: "adds" },
				{ type: "task.comment_deleted", subject, actor: `token/${token.id}`, requestid: "removes" },
			]);
			for (const event of events) {
				expect(canonical(event.data)).toBe(answer.text);
				expect(event).not.toHaveProperty("ready");
			}
			expect(events[0]?.time).toBe((answer.json as CommentBody).created_at);
		});

		test("a comment changes neither the ETag of its task nor the page that it stands on", async () => {
			const task = await addTask(server);
			const tags = async () => {
				const one = await ask(server, `GET /collab/tasks/${task}`);
				const all = await ask(server, "GET /collab/state/tasks?limit=1");
				return [one.text, one.headers.get("etag"), all.text, all.headers.get("etag")];
			};
			const before = await tags();
			const { id } = (await comment(server, task, "a")).comment;
			expect(await tags()).toEqual(before);
			await remove(task, id);
			expect(await tags()).toEqual(before);
		});

		test("lengths count code points, and white space alone is no comment", async () => {
			const task = await addTask(server);
			const longest = "👩".repeat(20_000);
			expect((await comment(server, task, longest)).comment.body).toBe(longest);
			expect((await comment(server, task, "x")).comment.body).toBe("x");
			expect((await comment(server, task, " \n x")).comment.body).toBe(" \n x");
			const before = (await list(task)).text;
			for (const [body, path] of [
				[{ body: `${longest}x` }, "/body"],
				[{ body: "" }, "/body"],
				[{ body: " \t\n\u00a0\u3000" }, "/body"],
				[{ body: null }, "/body"],
				[{ body: 1 }, "/body"],
				[{}, "/body"],
				[{ body: "x", task }, "/task"],
				['{"body":"a\\u0000b"}', "/body"],
				['{"body":"a\\ud800b"}', "/body"],
				["[]", ""],
			] as const) {
				const answer = await post(task, { body });
				expect([body, answer.status, errorOf(answer).type]).toEqual([body, 422, "validation_error"]);
				expect(errorOf(answer).details?.map((fault) => fault.path)).toEqual([path]);
			}
			expect((await list(task)).text).toBe(before);
		});

		test("the order of checks is credential, task, body", async () => {
			const task = await addTask(server);
			const bodies = [
				["{", "application/json", 400],
				['{"body":1}', "application/json", 422],
				["{}", "text/plain", 415],
				["{}", "", 415],
				[`{"body":"${"x".repeat(1_048_577)}"}`, "application/json", 413],
				['{"body":"x"}', "application/json", 400],
			] as const;
			for (const [body, contentType, status] of bodies) {
				const statuses: number[] = [];
				for (const [id, headers] of [
					[newId(), {}],
					[task, {}],
					[task, { authorization: "Bearer x" }],
					[newId(), { authorization }],
					["no-id", { authorization }],
					[task, { authorization }],
				] as const) {
					const asked = { headers: { ...headers, "idempotency-key": "a b" }, body, contentType };
					statuses.push((await ask(server, `POST ${commentsOf(id)}`, asked)).status);
				}
				expect([contentType, statuses]).toEqual([contentType, [401, 401, 401, 404, 404, status]]);
			}
			expect((await list(task)).page.items).toEqual([]);
			for (const id of [newId(), "no-id", "%00"]) {
				const unknown = await ask(server, `GET ${commentsOf(id)}?limit=0`);
				expect([unknown.status, errorOf(unknown).type]).toEqual([404, "not_found"]);
			}
			for (const query of [
				"?limit=0",
				"?limit=1001",
				"?order=asc",
				"?cursor=x",
				"?cursor=",
				"?limit=1&limit=1",
			]) {
				const unfit = await ask(server, `GET ${commentsOf(task)}${query}`);
				expect([query, unfit.status, errorOf(unfit).type]).toEqual([query, 422, "validation_error"]);
			}
		});

		test("pages keep their place while comments come and go; a cursor serves its own task alone", async () => {
			const task = await addTask(server);
			const other = await addTask(server);
			const added: CommentBody[] = [];
			for (const text of ["1", "2", "3", "4", "5"]) {
				added.push((await comment(server, task, text)).comment);
				await comment(server, other, `other ${text}`);
			}
			const first = await list(task, "?limit=2");
			expect(first.page.items.map(({ body }) => body)).toEqual(["1", "2"]);
			const cursor = first.page.next_cursor ?? "";
			const link = `${commentsOf(task)}?cursor=${cursor}&limit=2`;
			expect(first.headers.get("link")).toBe(`<${link}>; rel="next"`);
			for (const index of [1, 3]) {
				expect((await remove(task, added[index]?.id ?? "")).status).toBe(204);
			}
			await comment(server, task, "6");
			const next = await list(task, link.slice(commentsOf(task).length));
			expect(next.page.items.map(({ body }) => body)).toEqual(["3", "5"]);
			const last = await list(task, `?limit=1000&cursor=${next.page.next_cursor}`);
			expect(last.page.items.map(({ body }) => body)).toEqual(["6"]);
			expect([last.page.next_cursor, last.headers.get("link")]).toEqual([undefined, null]);
			const foreign = await ask(server, `GET ${commentsOf(other)}?cursor=${cursor}`);
			expect([foreign.status, errorOf(foreign).details?.[0]?.path]).toEqual([422, "/cursor"]);
		});

		test("a page of long comments ends at 4 MiB, and the cursor goes on behind it", async () => {
			const task = await addTask(server);
			const text = "👩".repeat(20_000);
			for (let count = 0; count < 54; count++) await comment(server, task, text);
			const first = await list(task, "?limit=1000");
			// 53 times 80,000 bytes are the first sum of 4 MiB or more.
			expect(first.page.items).toHaveLength(53);
			const rest = await list(task, `?limit=1000&cursor=${first.page.next_cursor}`);
			expect([rest.page.items.length, rest.page.next_cursor]).toEqual([1, undefined]);
		});

		test("the ETag is of the whole page; X-Event-Id is the newest event that it includes", async () => {
			const task = await addTask(server);
			await comment(server, task, "a");
			const { rev } = await server.storage.events.range();
			const answer = await list(task);
			const etag = `"${sha256(answer.text)}"`;
			expect(answer.headers.get("etag")).toBe(etag);
			expect(answer.headers.get("x-event-id")).toBe(String(rev));
			expect(answer.headers.get("cache-control")).toBe("no-cache, no-transform");
			expect(answer.headers.get("vary")).toBe("Origin");
			const known = (header: string) =>
				ask(server, `GET ${commentsOf(task)}`, { headers: { "if-none-match": header } });
			for (const header of [etag, `W/${etag}`, "*"]) {
				const unchanged = await known(header);
				expect([unchanged.status, unchanged.text]).toEqual([304, ""]);
				expect(unchanged.headers.get("etag")).toBe(etag);
				expect(unchanged.headers.get("x-event-id")).toBe(String(rev));
			}
			await comment(server, task, "b");
			const changed = await known(etag);
			expect([changed.status, changed.headers.get("x-event-id")]).toEqual([200, String(rev + 1)]);
			const head = await ask(server, `HEAD ${commentsOf(task)}`);
			expect([head.status, head.text]).toEqual([200, ""]);
			expect(head.headers.get("etag")).toBe(`"${sha256(changed.text)}"`);
		});

		test("its author by any credential that may write, and an owner by a login, delete a comment; others do not", async () => {
			const task = await addTask(server);
			const ada = await addMember(server, "ada-writes@example.com", "writer");
			const bob = await addMember(server, "bob-writes@example.com", "writer");
			const owner = await addMember(server, "olga-owns@example.com", "owner");
			const tokenOf = (who: string, scope = "tasks:write") => addToken(server, { scopes: [scope] }, who);
			const agents = { ada: await tokenOf(ada), adaToo: await tokenOf(ada), bob: await tokenOf(bob) };
			const reading = await tokenOf(ada, "tasks:read");
			const jobs = await tokenOf(ada, "jobs");
			const owning = await tokenOf(owner);
			const write = async (headers: Record<string, string>) => {
				const answer = await ask(server, `POST ${commentsOf(task)}`, { headers, body: { body: "a" } });
				return answer.json as CommentBody;
			};

			for (const headers of [
				{ authorization: bob },
				bearer(agents.bob),
				inKey(agents.bob),
				bearer(reading),
				inKey(reading),
				bearer(jobs),
				// An owner's token has the rights of a writer.
				bearer(owning),
			]) {
				const { id } = await write(bearer(agents.ada));
				const refused = await remove(task, id, headers);
				expect([refused.status, errorOf(refused).type]).toEqual([403, "forbidden"]);
				expect((await remove(task, id, bearer(agents.ada))).status).toBe(204);
			}
			for (const [by, removedBy] of [
				[{ authorization: ada }, bearer(agents.ada)],
				[bearer(agents.ada), { authorization: ada }],
				[bearer(agents.ada), inKey(agents.adaToo)],
				[{ authorization: ada }, { authorization: owner }],
				[bearer(agents.bob), { authorization: owner }],
				[{ authorization: owner }, bearer(owning)],
			] as const) {
				const { id } = await write(by);
				const answer = await remove(task, id, removedBy);
				expect([answer.status, answer.text, answer.headers.get("content-type")]).toEqual([204, "", null]);
				const again = await remove(task, id, removedBy);
				expect([again.status, errorOf(again).type]).toEqual([404, "not_found"]);
			}
			expect((await list(task)).page.items).toEqual([]);
			const { id } = await write(bearer(agents.ada));
			expect((await list(task)).page.items[0]?.created_by).toBe(`token/${agents.ada.id}`);
			for (const headers of [{}, { "x-api-key": testApiKey }, { authorization: "Bearer x" }] as const) {
				expect((await remove(task, id, headers)).status).toBe(401);
			}
			expect((await remove(task, id, { "x-api-key": `orc_${"x".repeat(43)}` })).status).toBe(403);
			expect((await list(task)).page.items).toHaveLength(1);
		});

		test("who may read alone neither adds nor deletes a comment, not even an own one", async () => {
			const task = await addTask(server);
			const email = "rita-reads@example.com";
			const rita = await addMember(server, email, "writer");
			const { id } = (await comment(server, task, "as a writer", rita)).comment;
			await addMember(server, email, "reader");
			const added = await post(task, { headers: { authorization: rita }, body: { body: "x" } });
			expect([added.status, errorOf(added).type]).toEqual([403, "forbidden"]);
			expect((await remove(task, id, { authorization: rita })).status).toBe(403);
			const agent = await addToken(server, { scopes: ["tasks:read"] });
			const byAgent = await ask(server, `POST ${commentsOf(task)}`, {
				headers: bearer(agent),
				body: { body: "x" },
			});
			expect([byAgent.status, errorOf(byAgent).type]).toEqual([403, "forbidden"]);
			expect((await list(task)).page.items.map(({ body }) => body)).toEqual(["as a writer"]);
		});

		test("what is not there is 404: another task's comment, an id that is none, a route with another method", async () => {
			const task = await addTask(server);
			const other = await addTask(server);
			const { id } = (await comment(server, task, "a")).comment;
			for (const [where, which] of [
				[other, id],
				[newId(), id],
				["no-id", id],
				[task, newId()],
				[task, "no-id"],
				[task, "%00"],
			] as const) {
				const answer = await remove(where, which);
				expect([where, which, answer.status]).toEqual([where, which, 404]);
			}
			const put = await ask(server, `PUT ${commentsOf(task)}`, { headers: { authorization } });
			expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS, POST"]);
			const get = await ask(server, `GET ${commentsOf(task)}/${id}`);
			expect([get.status, get.headers.get("allow")]).toEqual([405, "DELETE, OPTIONS"]);
			expect((await list(task)).page.items).toHaveLength(1);
		});

		test("a key adds one comment, and replays it after its deletion; another task or body under it is 422", async () => {
			const task = await addTask(server);
			const other = await addTask(server);
			const keyed = (where: string, body: string, headers: Record<string, string> = {}) =>
				post(where, { headers: { "idempotency-key": "k", ...headers }, body: { body } });
			const answers = await Promise.all(Array.from({ length: 5 }, () => keyed(task, "once")));
			const [once] = new Set(answers.map(({ text }) => text));
			expect(answers.map(({ status, text }) => [status, text])).toEqual(Array(5).fill([200, once]));
			const marks = answers.map(({ headers }) => headers.get("idempotency-replayed"));
			expect(marks.filter((mark) => mark === "true")).toHaveLength(4);
			const [added] = (await list(task)).page.items;
			expect(canonical(added)).toBe(once ?? "");
			for (const answer of [await keyed(task, "twice"), await keyed(other, "once")]) {
				expect([answer.status, errorOf(answer).type]).toEqual([422, "idempotency_mismatch"]);
			}
			// The key is of the credential: a token and its user are two.
			const agent = await addToken(server);
			const byAgent = await keyed(other, "once", bearer(agent));
			expect([byAgent.status, byAgent.headers.get("idempotency-replayed")]).toEqual([200, null]);
			expect((await remove(task, added?.id ?? "")).status).toBe(204);
			const replayed = await keyed(task, "once");
			expect([replayed.status, replayed.text]).toEqual([200, once ?? ""]);
			expect(replayed.headers.get("idempotency-replayed")).toBe("true");
			expect((await list(task)).page.items).toEqual([]);
		});

		test("what failed keeps no key", async () => {
			const task = await addTask(server);
			const key = { "idempotency-key": "after-failures" };
			expect((await post(newId(), { headers: key, body: { body: "a" } })).status).toBe(404);
			expect((await post(task, { headers: key, body: { body: "" } })).status).toBe(422);
			const answer = await post(task, { headers: key, body: { body: "b" } });
			expect([answer.status, answer.headers.get("idempotency-replayed")]).toEqual([200, null]);
		});

		test("with its task a comment is gone, without an event of its own", async () => {
			const task = await addTask(server);
			const { id } = (await comment(server, task, "a")).comment;
			const gone = await ask(server, `DELETE /collab/tasks/${task}`, {
				headers: { authorization, "if-match": "*" },
			});
			expect(gone.status).toBe(204);
			expect((await ask(server, `GET ${commentsOf(task)}`)).status).toBe(404);
			expect((await remove(task, id)).status).toBe(404);
			expect((await post(task, { body: { body: "b" } })).status).toBe(404);
			expect((await newest(2)).map(({ type }) => type)).toEqual(["task.commented", "task.deleted"]);
		});

		test("a space has its own comments: links keep its prefix, and its ids are nowhere else", async () => {
			const made = await ask(server, "POST /spaces", { headers: { authorization }, body: { name: "acme" } });
			expect(made.status).toBe(200);
			const task = await addTask(server, "/spaces/acme");
			const within = `/spaces/acme${commentsOf(task)}` as const;
			const added: CommentBody[] = [];
			for (const body of ["1", "2"]) {
				const answer = await ask(server, `POST ${within}`, { headers: { authorization }, body: { body } });
				added.push(answer.json as CommentBody);
			}
			const page = await ask(server, `GET ${within}?limit=1`, { headers: { authorization } });
			expect(page.headers.get("link")).toStartWith(`<${within}?cursor=`);
			expect(page.headers.get("cache-control")).toBe("private, no-cache, no-transform");
			expect(page.headers.get("vary")).toBe("Origin, Authorization, X-API-Key");
			const [event] = (
				(await ask(server, "GET /spaces/acme/events?types=task.commented", { headers: { authorization } }))
					.json as { items: CloudEvent[] }
			).items;
			expect(event).toMatchObject({
				source: "/orchestrator/spaces/acme",
				subject: `${commentsOf(task)}/${added[0]?.id}`,
			});
			const id = added[0]?.id ?? "";
			for (const answer of [
				await ask(server, `GET ${commentsOf(task)}`),
				await post(task, { body: { body: "x" } }),
				await remove(task, id),
				await remove(await addTask(server), id),
			]) {
				expect(answer.status).toBe(404);
			}
			const stranger = await addUser(server.storage, server.url, "stranger@example.com");
			const elsewhere = await addToken(server, { spaces: ["default"] });
			for (const headers of [{ authorization: stranger }, bearer(elsewhere)]) {
				expect((await ask(server, `GET ${within}`, { headers })).status).toBe(404);
				expect((await ask(server, `DELETE ${within}/${id}`, { headers })).status).toBe(404);
			}
			expect((await ask(server, `GET ${within}`)).status).toBe(401);
			expect((await ask(server, `DELETE ${within}/${id}`, { headers: { authorization } })).status).toBe(204);
		});
	});
}

for (const { name, newUrl } of durableDatabases) {
	test(`a server on ${name} removes what deleted tasks have left, and what a deleted space has`, async () => {
		const url = await newUrl();
		const first = await startServer({ DATABASE_URL: url });
		const headers = { authorization: first.bearer };
		await ask(first, "POST /spaces", { headers, body: { name: "acme" } });
		const within = await addTask(first, "/spaces/acme");
		await ask(first, `POST /spaces/acme${commentsOf(within)}`, { headers, body: { body: "a" } });
		const [deleted, kept] = [await addTask(first), await addTask(first)];
		for (const task of [deleted, deleted, kept]) await comment(first, task, "a");
		const change = { headers: { ...headers, "if-match": "*" } };
		await ask(first, `DELETE /collab/tasks/${deleted}`, change);
		await ask(first, "DELETE /spaces/acme", change);
		const left = async () => (await runSql(url, "SELECT task FROM comments")).map(({ task }) => task);
		await first.stop();
		// The next one looks for it when it starts.
		await startServer({ DATABASE_URL: url });
		while ((await left()).length > 1) await Bun.sleep(20);
		expect(await left()).toEqual([kept]);
		while ((await runSql(url, "SELECT task FROM comment_removals")).length > 0) await Bun.sleep(20);
	});
}

test("where reads want a login, comments do too", async () => {
	const server: TestServer = await startServer({ DATABASE_URL: "sqlite://:memory:", READS: "login" });
	const task = await addTask(server);
	expect((await ask(server, `GET ${commentsOf(task)}`)).status).toBe(401);
	const answer = await ask(server, `GET ${commentsOf(task)}`, { headers: { authorization: server.bearer } });
	expect([answer.status, answer.headers.get("cache-control")]).toEqual([
		200,
		"private, no-cache, no-transform",
	]);
	const etag = answer.headers.get("etag") ?? "";
	const known = await ask(server, `GET ${commentsOf(task)}`, {
		headers: { authorization: server.bearer, "if-none-match": etag },
	});
	expect([known.status, known.headers.get("vary")]).toEqual([304, "Origin, Authorization, X-API-Key"]);
	const agent = await addToken(server, { scopes: ["tasks:read"] });
	expect((await ask(server, `GET ${commentsOf(task)}`, { headers: bearer(agent) })).status).toBe(200);
	const jobs = await addToken(server, { scopes: ["jobs"] });
	expect((await ask(server, `GET ${commentsOf(task)}`, { headers: bearer(jobs) })).status).toBe(403);
});
