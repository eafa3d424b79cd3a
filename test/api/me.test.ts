import { describe, expect, test } from "bun:test";
import { readConfig } from "../../src/config.ts";
import { newId } from "../../src/kernel/ids.ts";
import { openStorage } from "../../src/storage/open.ts";
import { ask, errorOf, type Question } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import { silentLog, startServer } from "../support/server.ts";
import { addUser, keepUser, logIn, testEmail, testPassword, usersOf } from "../support/users.ts";

const log = await silentLog();

for (const { name, newUrl } of everyDatabase) {
	describe(`the name of a user on ${name}`, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl(), MAX_BODY_BYTES: "2000" });
		const user = { authorization: server.bearer };
		const me = (headers: Readonly<Record<string, string>> = user) => ask(server, "GET /auth/me", { headers });
		const patch = (body: unknown, options: Question = {}) =>
			ask(server, "PATCH /auth/me", { headers: user, body, ...options });

		test("is by default what stands before the @", async () => {
			const passwordHash = await Bun.password.hash(testPassword, { algorithm: "argon2id", memoryCost: 1024 });
			for (const [email, shown] of [
				["grace.hopper+navy@example.com", "grace.hopper+navy"],
				["zoé@example.com", "zoé"],
				[`${"😀".repeat(64)}@example.com`, "😀".repeat(64)],
				// An address may have control characters, a name may not.
				["a\u0001b\u009f@example.com", "a\ufffdb\ufffd"],
			] as const) {
				await keepUser(server.storage, {
					id: newId(),
					email,
					name: null,
					passwordHash,
					tokenGeneration: 1,
					createdAt: 0,
				});
				const { status, json } = await me({ authorization: await logIn(server.url, email) });
				expect([status, json]).toEqual([200, { email, id: expect.any(String), name: shown }]);
			}
		});

		test("is changed without If-Match, and the response is that of GET", async () => {
			const { id } = (await me()).json as { id: string };
			for (const given of [
				"Ada Lovelace",
				" ",
				"😀".repeat(100),
				"👩‍👩‍👧 \u2028 \ufeff '\\\" $1",
				testEmail,
			]) {
				const changed = await patch({ name: given });
				expect([changed.status, changed.json]).toEqual([200, { email: testEmail, id, name: given }]);
				expect(changed.headers.get("cache-control")).toBe("no-store");
				expect(changed.headers.has("etag")).toBe(false);
				const after = await me();
				expect(after.text).toBe(changed.text);
			}
			await patch({ name: "by merge patch" }, { contentType: "application/merge-patch+json" });
			const ignored = await patch(
				{ name: "by a stale tag" },
				{ headers: { ...user, "if-match": '"stale"', "x-api-key": "wrong" } },
			);
			expect([ignored.status, (await me()).text]).toEqual([200, ignored.text]);
		});

		test("need not be unique, and the name of another stays", async () => {
			const other = { authorization: await addUser(server.storage, server.url, "other@example.com") };
			await patch({ name: "the same" });
			expect((await me(other)).json).toMatchObject({ name: "other" });
			expect((await patch({ name: "the same" }, { headers: other })).status).toBe(200);
			expect((await me()).json).toMatchObject({ name: "the same", email: testEmail });
		});

		test("stays where a patch names no field, and after a new password", async () => {
			await patch({ name: "kept" });
			expect((await patch({})).json).toMatchObject({ name: "kept" });
			const email = "renewed@example.com";
			const before = { authorization: await addUser(server.storage, server.url, email) };
			await patch({ name: "Renée" }, { headers: before });
			await usersOf(server.storage).setPassword(
				email,
				await Bun.password.hash("another password", { algorithm: "argon2id", memoryCost: 1024 }),
			);
			const after = { authorization: await logIn(server.url, email, "another password") };
			expect([(await me(before)).status, (await me(after)).json]).toMatchObject([401, { name: "Renée" }]);
		});

		test("a body that does not fit is refused, and changes nothing", async () => {
			await patch({ name: "before" });
			for (const [body, paths] of [
				[{ name: "" }, ["/name"]],
				[{ name: "😀".repeat(101) }, ["/name"]],
				[{ name: null }, ["/name"]],
				[{ name: 1 }, ["/name"]],
				[{ name: ["Ada"] }, ["/name"]],
				[{ name: { first: "Ada" } }, ["/name"]],
				[{ name: "Ada", email: "new@example.com", id: newId() }, ["/email", "/id"]],
				[{ "s3cret-field": 1, name: "s3cret\n" }, ["/name", "/s3cret-field"]],
				...["\t", "\n", "\r", "\u0001", "\u001f", "\u007f", "\u0080", "\u009f"].map(
					(character) => [{ name: `s3cret${character}` }, ["/name"]] as const,
				),
				['{"name":"s3cret\\u0000"}', ["/name"]],
				['{"name":"s3cret\\ud800"}', ["/name"]],
				['{"name":"\\udc00s3cret"}', ["/name"]],
				["[]", [""]],
				['"s3cret"', [""]],
				["null", [""]],
			] as const) {
				const answer = await patch(body);
				const found = errorOf(answer).details?.map(({ path }) => path);
				expect([body, answer.status, found?.toSorted()]).toEqual([body, 422, [...paths]]);
				expect(answer.text).not.toContain('s3cret"');
				expect(answer.text).not.toContain("s3cret\\");
			}
			for (const [options, status, type] of [
				[{ body: "{" }, 400, "bad_request"],
				[{ body: new Uint8Array([0x22, 0xff, 0x22]) }, 400, "bad_request"],
				[{ body: { name: "x".repeat(3000) } }, 413, "payload_too_large"],
				[{ body: "name=x", contentType: "text/plain" }, 415, "unsupported_media_type"],
				[{}, 415, "unsupported_media_type"],
			] as const) {
				const answer = await ask(server, "PATCH /auth/me", { headers: user, ...options });
				expect([answer.status, errorOf(answer).type]).toEqual([status, type]);
			}
			expect((await me()).json).toMatchObject({ name: "before" });
		});

		test("wants a valid token, before it looks at the body", async () => {
			const email = "removed@example.com";
			const removed = await addUser(server.storage, server.url, email);
			expect(await usersOf(server.storage).remove(email)).toBe(true);
			for (const headers of [
				{},
				{ authorization: "Bearer x" },
				{ authorization: `${server.bearer}x` },
				{ authorization: removed },
			]) {
				for (const body of [{ name: "x" }, { name: 1 }, "{"]) {
					const answer = await patch(body, { headers });
					expect([answer.status, errorOf(answer).type]).toEqual([401, "unauthorized"]);
					expect(answer.headers.get("www-authenticate")).toBe("Bearer");
				}
			}
		});

		test("appends no event, and no public response has an address or a name", async () => {
			await patch({ name: "s3cret-name" });
			const created = await ask(server, "POST /collab/tasks", { headers: user, body: { title: "x" } });
			const path = created.headers.get("location") as `/${string}`;
			const texts = await Promise.all(
				[path, "/collab/state/tasks", "/events"].map(
					async (one) => (await ask(server, `GET ${one as `/${string}`}`)).text,
				),
			);
			for (const text of texts) expect(text).not.toMatch(/@example|s3cret/);
			expect((await server.storage.events.range()).rev).toBe(1);
		});
	});

	test(`a user who is removed while the name is changed gets 401, on ${name}`, async () => {
		const storage = await openStorage(readConfig({ DATABASE_URL: await newUrl() }, false).database, log);
		// What the guard finds stays, as if the removal came just after.
		const found = new Map<string, Awaited<ReturnType<typeof storage.users.find>>>();
		const find = async (id: string) => {
			if (!found.has(id)) found.set(id, await storage.users.find(id));
			return found.get(id);
		};
		const server = await startServer({}, { storage: { ...storage, users: { ...storage.users, find } } });
		// Not the first user, who is the only owner of `default`.
		const headers = { authorization: await addUser(storage, server.url, "grace@example.com") };
		expect((await ask(server, "GET /auth/me", { headers })).status).toBe(200);
		await usersOf(storage).remove("grace@example.com");
		const answer = await ask(server, "PATCH /auth/me", { headers, body: { name: "x" } });
		expect([answer.status, errorOf(answer).type]).toEqual([401, "unauthorized"]);
		expect((await storage.users.list()).map(({ email }) => email)).toEqual([testEmail]);
	});
}
