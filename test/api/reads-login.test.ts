import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readConfig } from "../../src/config.ts";
import { openStorage } from "../../src/storage/open.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { type Answer, ask, errorOf } from "../support/ask.ts";
import { durableDatabases, everyDatabase } from "../support/databases.ts";
import { openTail, type Tail } from "../support/events.ts";
import { recordedLog } from "../support/log.ts";
import { silentLog, startServer, type TestServer, testApiKey } from "../support/server.ts";
import { addMember } from "../support/spaces.ts";
import { addUser, logIn, testEmail, usersOf } from "../support/users.ts";

// Some wait for what takes seconds by design.
setDefaultTimeout(60_000);

const secret = "a secret of more than thirty-two bytes";
const login = { JWT_SECRET: secret, READS: "login" };
const key = { "x-api-key": testApiKey };
const wrongKey = { "x-api-key": "wrong-key-of-sixteen" };
const privately = "Origin, Authorization, X-API-Key";

/** The token with other claims, signed with the given secret. */
function resigned(bearer: string, change: object, secretOf = secret): string {
	const [header = "", claims = ""] = bearer.slice("Bearer ".length).split(".");
	const changed = { ...JSON.parse(Buffer.from(claims, "base64url").toString()), ...change };
	const content = `${header}.${Buffer.from(JSON.stringify(changed)).toString("base64url")}`;
	return `Bearer ${content}.${new Bun.CryptoHasher("sha256", secretOf).update(content).digest("base64url")}`;
}

/** `Authorization` headers that let nobody in. */
function refused(bearer: string): readonly string[] {
	return [
		resigned(bearer, {}, "a secret that the attacker has made up"),
		resigned(bearer, { exp: 1_600_000_000 }),
		resigned(bearer, { gen: 99 }),
		resigned(bearer, { sub: "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77" }),
		`${bearer}x`,
		"Bearer",
		bearer.replace("Bearer", "Basic"),
		"",
	];
}

/** A server with a task and a job, each with its event. */
async function filled(env: Record<string, string>) {
	const server = await startServer(env);
	const headers = { authorization: server.bearer };
	const task = await ask(server, "POST /collab/tasks", { headers, body: { title: "secret" } });
	expect((await ask(server, "POST /jobs", { headers: key, body: { kind: "k" } })).status).toBe(202);
	const path = task.headers.get("location") as `/${string}`;
	return { server, taskPath: path, etag: task.headers.get("etag") ?? "" };
}

function expectChallenged(answer: Answer, what: unknown) {
	expect([what, answer.status, answer.headers.get("www-authenticate")]).toEqual([what, 401, "Bearer"]);
	if (answer.text !== "") expect(errorOf(answer).type).toBe("unauthorized");
	expect(answer.headers.get("cache-control")).toBe("no-store");
	expect(answer.headers.get("etag")).toBeNull();
	expect(answer.headers.get("x-event-id")).toBeNull();
	expect(answer.text).not.toContain("secret");
}

const typesOf = (answer: Answer) =>
	(answer.json as { items: { type: string }[] }).items.map(({ type }) => type);

async function typesOfTail(server: TestServer, headers: Record<string, string>, query = ""): Promise<string> {
	const tail = await openTail(server.url, `?last_event_id=0${query}`, headers);
	const { type } = await tail.next();
	tail.close();
	return type;
}

for (const { name, newUrl } of everyDatabase) {
	describe(`READS=login on ${name}`, async () => {
		const { server, taskPath, etag } = await filled({ ...login, DATABASE_URL: await newUrl() });
		const token = { authorization: server.bearer };
		const reads = ["/collab/state/tasks", taskPath, "/events", "/events/tail"] as const;

		test("no read without a valid token, whatever stands in its place, nor its HEAD, nor what the client has already", async () => {
			for (const path of reads) {
				for (const authorization of [undefined, ...refused(server.bearer)]) {
					const headers = authorization === undefined ? {} : { authorization };
					for (const line of [`GET ${path}`, `HEAD ${path}`] as const) {
						expectChallenged(await ask(server, line, { headers }), [line, authorization]);
						const known = { ...headers, "if-none-match": etag };
						expectChallenged(await ask(server, line, { headers: known }), [line, authorization, "known"]);
					}
				}
			}
			const inQuery = await ask(server, `GET /collab/state/tasks?access_token=${server.bearer.slice(7)}`);
			expectChallenged(inQuery, "in the query");
		});

		test("tasks are for users alone: a key is nobody there, valid or not", async () => {
			for (const path of ["/collab/state/tasks", taskPath] as const) {
				for (const headers of [key, wrongKey]) {
					expectChallenged(await ask(server, `GET ${path}`, { headers }), [path, headers]);
					const both = await ask(server, `GET ${path}`, { headers: { ...headers, ...token } });
					expect([path, both.status]).toEqual([path, 200]);
				}
			}
		});

		test("with a token tasks have the bytes and tags that they have in public, and are for their reader alone", async () => {
			for (const path of ["/collab/state/tasks", taskPath] as const) {
				const answer = await ask(server, `GET ${path}`, { headers: token });
				expect([path, answer.status]).toEqual([path, 200]);
				const { headers } = answer;
				const tag = headers.get("etag") ?? "";
				expect(tag).toBe(`"${new Bun.CryptoHasher("sha256").update(answer.text).digest("hex")}"`);
				const known = { ...token, "if-none-match": tag };
				for (const response of [
					answer,
					await ask(server, `HEAD ${path}`, { headers: token }),
					await ask(server, `GET ${path}`, { headers: known }),
					await ask(server, `HEAD ${path}`, { headers: known }),
				]) {
					expect(response.headers.get("etag")).toBe(tag);
					expect(response.headers.get("cache-control")).toBe("private, no-cache, no-transform");
					expect(response.headers.get("vary")).toBe(privately);
				}
				expect((await ask(server, `GET ${path}`, { headers: known })).status).toBe(304);
			}
			const list = await ask(server, "GET /collab/state/tasks", { headers: token });
			expect(Number(list.headers.get("x-event-id"))).toBeGreaterThan(0);
			const page = await ask(server, "GET /collab/state/tasks", {
				headers: { ...token, origin: "http://localhost:3001" },
			});
			expect(page.headers.get("vary")).toBe(privately);
			expect(page.headers.get("access-control-allow-origin")).toBe("http://localhost:3001");
		});

		test("of the events a writer sees all, a key those of jobs alone, and types only narrow", async () => {
			const forged = { authorization: resigned(server.bearer, {}, "a secret that was made up for this") };
			const all = await ask(server, "GET /events", { headers: token });
			expect([all.status, typesOf(all)]).toEqual([200, ["task.created", "job.enqueued"]]);
			expect(typesOf(await ask(server, "GET /events?types=job.*", { headers: token }))).toEqual([
				"job.enqueued",
			]);
			const reader = { authorization: await addMember(server, "reader@example.com", "reader") };
			for (const [headers, seen, other] of [
				[reader, "task.created", "job.*"],
				[key, "job.enqueued", "task.*"],
				[{ ...token, ...key }, "job.enqueued", "task.*"],
				[{ ...forged, ...key }, "job.enqueued", "task.*"],
			] as const) {
				const all = await ask(server, "GET /events", { headers });
				expect([all.status, typesOf(all)]).toEqual([200, [seen]]);
				expect(all.headers.get("cache-control")).toBe("private, no-cache");
				expect(all.headers.get("vary")).toBe(privately);
				expect(typesOf(await ask(server, `GET /events?types=${other}`, { headers }))).toEqual([]);
				expect(typesOf(await ask(server, `GET /events?types=${seen},${other}`, { headers }))).toEqual([seen]);
				expect(await typesOfTail(server, headers)).toBe(seen);
				expect(await typesOfTail(server, headers, `&types=task.*,job.*`)).toBe(seen);
			}
			for (const path of ["/events", "/events/tail"] as const) {
				for (const headers of [wrongKey, { ...token, ...wrongKey }]) {
					const answer = await ask(server, `GET ${path}`, { headers });
					expect([path, answer.status, errorOf(answer).type]).toEqual([path, 403, "forbidden"]);
				}
			}
			const tail = await openTail(server.url, "", token);
			expect(tail.response.headers.get("cache-control")).toBe("private, no-cache, no-store, no-transform");
			expect(tail.response.headers.get("vary")).toBe(privately);
			tail.close();
		});

		test("the credential comes after limit and route, and before everything else", async () => {
			for (const [line, status] of [
				["GET /collab/tasks/no-id", 401],
				["GET /collab/tasks/019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77", 401],
				["GET /collab/state/tasks?limit=x&odd=1", 401],
				["GET /collab/state/tasks?cursor=forged", 401],
				["GET /events?after=99999999&types=odd", 401],
				["GET /events/tail?last_event_id=x", 401],
				["GET /collab/tasks", 405],
				["PUT /events", 405],
				["GET /collab/nothing", 404],
			] as const) {
				expect([line, (await ask(server, line)).status]).toEqual([line, status]);
			}
			for (const [line, status] of [
				["GET /collab/tasks/no-id", 404],
				["GET /collab/state/tasks?limit=x&odd=1", 422],
				["GET /events/tail?last_event_id=x", 422],
			] as const) {
				expect([line, (await ask(server, line, { headers: token })).status]).toEqual([line, status]);
			}
		});

		test("health, documentation, logins and preflights stay open", async () => {
			for (const [line, status] of [
				["GET /healthz", 200],
				["GET /", 302],
				["GET /swagger", 200],
				["GET /swagger/json", 200],
				["OPTIONS /collab/state/tasks", 204],
			] as const) {
				const headers = { origin: "http://localhost:3001" };
				expect([line, (await ask(server, line, { headers })).status]).toEqual([line, status]);
			}
			expect(await logIn(server.url)).toStartWith("Bearer ey");
		});
	});

	test(`READS=public on ${name} looks at no credential for tasks, and lets caches be as before`, async () => {
		const { server, taskPath } = await filled({ JWT_SECRET: secret, DATABASE_URL: await newUrl() });
		for (const authorization of [undefined, server.bearer, ...refused(server.bearer)]) {
			for (const more of [{}, key, wrongKey]) {
				const headers = { ...more, ...(authorization !== undefined && { authorization }) };
				for (const path of ["/collab/state/tasks", taskPath] as const) {
					const answer = await ask(server, `GET ${path}`, { headers });
					expect([path, headers, answer.status]).toEqual([path, headers, 200]);
					expect(answer.headers.get("cache-control")).toBe("no-cache, no-transform");
					expect(answer.headers.get("vary")).toBe("Origin");
				}
				const events = await ask(server, "GET /events", { headers });
				// Events look at the credential; what stands in its place without being one is none.
				const isForged =
					more !== key && /^Bearer ./.test(authorization ?? "") && authorization !== server.bearer;
				if (more === wrongKey || isForged) {
					expect(events.status).toBe(more === wrongKey ? 403 : 401);
					continue;
				}
				const seesJobs = more === key || authorization === server.bearer;
				expect(typesOf(events)).toEqual(seesJobs ? ["task.created", "job.enqueued"] : ["task.created"]);
				expect(events.headers.get("cache-control")).toBe(seesJobs ? "private, no-cache" : "no-store");
				expect(events.headers.get("vary")).toBe(seesJobs ? privately : "Origin");
			}
		}
	});

	test(`on ${name} what always needs a credential is for its sender alone`, async () => {
		const { server } = await filled({ DATABASE_URL: await newUrl() });
		const jobs = await ask(server, "GET /jobs", { headers: key });
		const [job] = (jobs.json as { items: { id: string }[] }).items;
		const path = `/jobs/${job?.id}` as const;
		for (const [line, headers, caching] of [
			[`GET ${path}`, key, "private, no-cache, no-transform"],
			[`HEAD ${path}`, key, "private, no-cache, no-transform"],
			["GET /jobs", key, "private, no-cache"],
			["GET /jobs/stats", key, "private, no-cache"],
			["GET /auth/me", { authorization: server.bearer }, "private, no-cache"],
		] as const) {
			const answer = await ask(server, line, { headers });
			expect([line, answer.status, answer.headers.get("cache-control"), answer.headers.get("vary")]).toEqual([
				line,
				200,
				caching,
				privately,
			]);
		}
		const { headers } = await ask(server, `GET ${path}`, { headers: key });
		const known = { ...key, "if-none-match": headers.get("etag") ?? "" };
		const unchanged = await ask(server, `GET ${path}`, { headers: known });
		expect([unchanged.status, unchanged.headers.get("cache-control"), unchanged.headers.get("vary")]).toEqual(
			[304, "private, no-cache, no-transform", privately],
		);
	});
}

const create = async (server: TestServer, authorization: string, title: string) =>
	expect(
		(await ask(server, "POST /collab/tasks", { headers: { authorization }, body: { title } })).status,
	).toBe(200);

const unauthorized = {
	event: "unauthorized",
	data: '{"message":"The access of this stream has ended: come back with a valid credential, and tail from the last id.","type":"unauthorized"}',
	id: undefined,
	retry: undefined,
	comments: [],
};

/** Expects the stream to end with the reason, within 5 s. */
async function expectEnd(tail: Tail): Promise<void> {
	const startedAt = performance.now();
	expect(await tail.block()).toEqual(unauthorized);
	expect(await tail.block()).toBeUndefined();
	expect(tail.rest()).toBe("");
	expect(performance.now() - startedAt).toBeLessThan(5000);
}

/** A stream past its first block. */
async function follow(server: TestServer, headers: Record<string, string>): Promise<Tail> {
	const tail = await openTail(server.url, "", headers);
	await tail.block();
	return tail;
}

for (const { name, newUrl } of everyDatabase) {
	describe(`a stream under READS=login on ${name}`, () => {
		const grace = "grace@example.com";
		const ends: Readonly<Record<string, (storage: Storage) => Promise<unknown>>> = {
			"a new password": (storage) => usersOf(storage).setPassword(grace, "x"),
			"the removal of the user": (storage) => usersOf(storage).remove(grace),
		};

		test.each(Object.entries(ends))("ends with %s, and those of others go on", async (_, end) => {
			const server = await startServer({ ...login, DATABASE_URL: await newUrl() });
			const authorization = await addUser(server.storage, server.url, grace);
			const again = await logIn(server.url, grace);
			const tails = [await follow(server, { authorization }), await follow(server, { authorization: again })];
			const others = [await follow(server, { authorization: server.bearer }), await follow(server, key)];
			await create(server, authorization, "seen by both");
			for (const tail of tails) expect((await tail.next()).event.data.title).toBe("seen by both");
			await end(server.storage);
			await Promise.all(tails.map(expectEnd));
			expectChallenged(await ask(server, "GET /events/tail", { headers: { authorization } }), "ended");
			await create(server, server.bearer, "afterwards");
			const [ada, program] = others;
			await ada?.next();
			expect((await ada?.next())?.event.data.title).toBe("afterwards");
			expect((await ask(server, "POST /jobs", { headers: key, body: { kind: "k" } })).status).toBe(202);
			expect((await program?.next())?.type).toBe("job.enqueued");
			for (const tail of others) tail.close();
		});

		test("ends when its token expires", async () => {
			let now = Date.now();
			const env = { ...login, DATABASE_URL: await newUrl(), JWT_EXPIRE_MINUTES: "5" };
			const server = await startServer(env, { clock: () => now });
			const tail = await follow(server, { authorization: server.bearer });
			const program = await follow(server, key);
			now += 200_000;
			const later = await follow(server, { authorization: await logIn(server.url) });
			now += 100_000;
			await expectEnd(tail);
			await create(server, await logIn(server.url), "afterwards");
			expect((await later.next()).event.data.title).toBe("afterwards");
			for (const open of [later, program]) open.close();
		});

		test("ends for a client that resumes behind the buffer, before it is sent what the log has", async () => {
			const server = await startServer({ ...login, DATABASE_URL: await newUrl() });
			await create(server, server.bearer, "in the log");
			const authorization = await addUser(server.storage, server.url, grace);
			const tail = await openTail(server.url, "?last_event_id=0", { authorization });
			await tail.block();
			expect((await tail.next()).event.data.title).toBe("in the log");
			await usersOf(server.storage).remove(grace);
			await expectEnd(tail);
		});
	});
}

for (const { name, newUrl } of durableDatabases) {
	describe(`streams under READS=login on ${name}`, () => {
		test("end when another process changes the password", async () => {
			const url = await newUrl();
			const server = await startServer({ ...login, DATABASE_URL: url });
			const tail = await follow(server, { authorization: server.bearer });
			const other = await openStorage(readConfig({ DATABASE_URL: url }, false).database, await silentLog());
			await usersOf(other).setPassword(testEmail, "x");
			await expectEnd(tail);
			await other.stop();
		});

		test("wait, and do not end, while users cannot be looked up, and then continue without a gap or end", async () => {
			const url = await newUrl();
			const storage = await openStorage(readConfig({ DATABASE_URL: url }, false).database, await silentLog());
			let isAway = false;
			const lookUp: typeof storage.spaces.lookUp = async (space, id) => {
				if (isAway) throw new Error("away");
				return storage.spaces.lookUp(space, id);
			};
			let now = Date.now();
			const { log, lines } = recordedLog();
			const parts = { storage: { ...storage, spaces: { ...storage.spaces, lookUp } }, clock: () => now, log };
			const server = await startServer({ ...login, DATABASE_URL: url }, parts);
			const said = () => lines.filter(({ msg }) => String(msg).startsWith("Credentials cannot be looked up"));
			const writer = await startServer({ ...login, DATABASE_URL: url });
			const grace = await addUser(server.storage, server.url, "grace@example.com");
			const tails = [
				await follow(server, { authorization: server.bearer }),
				await follow(server, { authorization: grace }),
			] as const;
			const blocks = tails.map((tail) => tail.next());
			isAway = true;
			while (said().length === 0) await Bun.sleep(20);
			// Longer than a look-up counts.
			await Bun.sleep(5500);
			await create(writer, writer.bearer, "while it is unknown who may see it");
			await usersOf(writer.storage).remove("grace@example.com");
			const first = await Promise.race([...blocks.map((block) => block.then(() => "sent")), Bun.sleep(1500)]);
			expect(first).toBeUndefined();
			isAway = false;
			const [ada, ended] = await Promise.all(blocks);
			expect(ada?.event.data.title).toBe("while it is unknown who may see it");
			expect(ended).toMatchObject({ type: "unauthorized", text: unauthorized.data });
			expect(await tails[1].block()).toBeUndefined();
			expect(said()).toHaveLength(1);
			// What has run out by time ends without the database.
			isAway = true;
			now += 3_600_000;
			await expectEnd(tails[0]);
		});
	});
}

test("all streams of a user are one question every few seconds, and none once they are closed", async () => {
	const storage = await openStorage(
		readConfig({ DATABASE_URL: "sqlite://:memory:" }, false).database,
		await silentLog(),
	);
	let asked = 0;
	const lookUp: typeof storage.spaces.lookUp = (space, id) => {
		asked++;
		return storage.spaces.lookUp(space, id);
	};
	const server = await startServer(login, { storage: { ...storage, spaces: { ...storage.spaces, lookUp } } });
	const headers = { authorization: server.bearer };
	const tails = await Promise.all(Array.from({ length: 50 }, () => follow(server, headers)));
	asked = 0;
	const startedAt = performance.now();
	while (asked < 3) await Bun.sleep(20);
	expect(performance.now() - startedAt).toBeGreaterThan(3900);
	for (const tail of tails) tail.close();
	await Bun.sleep(500);
	asked = 0;
	await Bun.sleep(2500);
	expect(asked).toBe(0);
});
