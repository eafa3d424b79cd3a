import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readConfig } from "../../src/config.ts";
import { openStorage } from "../../src/storage/open.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { type Answer, ask } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import { openTail, type Tail } from "../support/events.ts";
import { silentLog, startServer, type TestServer, testApiKey } from "../support/server.ts";
import { addMember, addSpace } from "../support/spaces.ts";
import { addToken, type IssuedToken, idOf } from "../support/tokens.ts";
import { usersOf } from "../support/users.ts";

// Streams and waits end after seconds, by design.
setDefaultTimeout(60_000);

const grace = "grace@example.com";
const itemsOf = ({ json }: Answer) => (json as { items: readonly { id: string }[] }).items;

interface Scene {
	readonly server: TestServer;
	/** The server's user, who owns the space, changes this role of the other user. */
	setRole(role: string): Promise<void>;
	readonly grace: string;
	readonly id: string;
	readonly token: IssuedToken;
	/** Resolves when this many units have worked in the space. */
	whenLeased(count: number): Promise<void>;
	/** Moves the server's clock on. */
	pass(milliseconds: number): void;
}

async function scene(url: string): Promise<Scene> {
	let now = Date.now();
	let space: number | undefined;
	let units = 0;
	let look = () => {};
	const storage = await openStorage(readConfig({ DATABASE_URL: url }, false).database, await silentLog());
	const run: Storage["run"] = async (unit) => {
		const outcome = await storage.run(unit);
		if (unit.space !== undefined && unit.space === space) units++;
		look();
		return outcome;
	};
	const parts = { clock: () => now, storage: { ...storage, run } };
	const server = await startServer({ JWT_EXPIRE_MINUTES: "10080" }, parts);
	space = await addSpace(server, "acme");
	await addSpace(server, "other");
	const authorization = await addMember(server, grace, "writer", space);
	const headers = { authorization: server.bearer };
	return {
		server,
		grace: authorization,
		id: await idOf(server, authorization),
		token: await addToken(server, { scopes: ["tasks:read", "jobs"], expires_in_days: 1 }, authorization),
		whenLeased(count) {
			const { promise, resolve } = Promise.withResolvers<void>();
			look = () => units >= count && resolve();
			look();
			return promise;
		},
		pass: (milliseconds) => {
			now += milliseconds;
		},
		async setRole(role) {
			const body = { email: grace, role };
			expect((await ask(server, "POST /spaces/acme/members", { headers, body })).status).toBe(200);
		},
	};
}

/** What ends an access in the space, and whether it ends the one of the user, and the one of the token. */
const ends: Readonly<Record<string, { end(scene: Scene): Promise<unknown>; jwt: boolean; token: boolean }>> =
	{
		"the end of the membership": {
			end: ({ server, id }) =>
				ask(server, `DELETE /spaces/acme/members/${id}`, { headers: { authorization: server.bearer } }),
			...{ jwt: true, token: true },
		},
		"a role that has no jobs": { end: ({ setRole }) => setRole("reader"), jwt: true, token: true },
		"the removal of the token": {
			end: ({ server, token, grace }) =>
				ask(server, `DELETE /auth/tokens/${token.id}`, { headers: { authorization: grace } }),
			...{ jwt: false, token: true },
		},
		"the token's time": { end: async ({ pass }) => pass(86_400_000), jwt: false, token: true },
		"the removal of the user": {
			end: ({ server }) => usersOf(server.storage).remove(grace),
			...{ jwt: true, token: true },
		},
		"a new password": {
			end: ({ server }) => usersOf(server.storage).setPassword(grace, "x"),
			...{ jwt: true, token: false },
		},
		"another role that has jobs": { end: ({ setRole }) => setRole("owner"), jwt: false, token: false },
	};

const follow = async (server: TestServer, authorization: string, query = "") => {
	const tail = await openTail(`${server.url}/spaces/acme`, query, { authorization });
	await tail.block();
	return tail;
};

async function expectEnd(tail: Tail): Promise<void> {
	const startedAt = performance.now();
	const { event, id, data = "" } = (await tail.block()) ?? {};
	expect([event, id, JSON.parse(data).type]).toEqual(["unauthorized", undefined, "unauthorized"]);
	expect(await tail.block()).toBeUndefined();
	expect(performance.now() - startedAt).toBeLessThan(5000);
}

for (const { name, newUrl } of everyDatabase) {
	describe(`streams and waits in a space on ${name}`, () => {
		test.each(Object.entries(ends))("%s", async (_, { end, jwt, token: isToken }) => {
			const told = await scene(await newUrl());
			const { server, token } = told;
			const [mine, theirs, another] = [server.bearer, told.grace, `Bearer ${token.token}`];
			const lease = (authorization: string) =>
				ask(server, "POST /spaces/acme/jobs/lease", {
					headers: { authorization },
					body: { worker: "w", queues: ["none"], wait_seconds: 15 },
				});
			const [own, ofUser, ofToken] = [
				await follow(server, mine),
				await follow(server, theirs),
				await follow(server, another),
			];
			const waits = { own: lease(mine), user: lease(theirs), token: lease(another) };
			await told.whenLeased(3);
			await end(told);
			const endedAt = performance.now();
			if (jwt) await expectEnd(ofUser);
			if (isToken) await expectEnd(ofToken);
			for (const wait of [jwt && waits.user, isToken && waits.token]) {
				if (wait) expect([(await wait).status, itemsOf(await wait)]).toEqual([200, []]);
			}
			if (jwt || isToken) expect(performance.now() - endedAt).toBeLessThan(5000);
			else await Bun.sleep(4500);
			// Whoever came first is served first: one job for each that still waits.
			const going = [waits.own, ...(jwt ? [] : [waits.user]), ...(isToken ? [] : [waits.token])];
			for (const _ of going) {
				const headers = { authorization: mine };
				await ask(server, "POST /spaces/acme/jobs", { headers, body: { kind: "k", queue: "none" } });
			}
			for (const wait of going) expect(itemsOf(await wait)).toHaveLength(1);
			for (const tail of [own, ...(jwt ? [] : [ofUser]), ...(isToken ? [] : [ofToken])]) {
				expect((await tail.next()).type).toBe("job.enqueued");
				tail.close();
			}
		});

		test("a claim that waits ends with 204 when its right does; one that needs no more than is left goes on", async () => {
			const told = await scene(await newUrl());
			const claim = (authorization: string) =>
				ask(told.server, "POST /spaces/acme/collab/tasks/claim", {
					headers: { authorization },
					body: { wait_seconds: 15 },
				});
			const token = await addToken(told.server, { scopes: ["tasks:write"] }, told.grace);
			const ended = [claim(told.grace), claim(`Bearer ${token.token}`)];
			const own = claim(told.server.bearer);
			await told.whenLeased(3);
			await told.setRole("reader");
			const endedAt = performance.now();
			for (const answer of await Promise.all(ended)) expect([answer.status, answer.text]).toEqual([204, ""]);
			expect(performance.now() - endedAt).toBeLessThan(5000);
			const headers = { authorization: told.server.bearer };
			const body = { title: "for who still may" };
			await ask(told.server, "POST /spaces/acme/collab/tasks", { headers, body });
			expect((await own).json).toMatchObject({ task: body });
		});

		test("a stream of tasks alone does not use the right that a role takes away", async () => {
			const told = await scene(await newUrl());
			const { server } = told;
			const tasks = await follow(server, told.grace, "?types=task.*");
			const both = await follow(server, told.grace, "?types=task.*,job.dead");
			await told.setRole("reader");
			await expectEnd(both);
			const headers = { authorization: server.bearer };
			await ask(server, "POST /spaces/acme/collab/tasks", { headers, body: { title: "still seen" } });
			expect((await tasks.next()).event.data.title).toBe("still seen");
			expect(
				(await ask(server, "GET /spaces/acme/jobs", { headers: { authorization: told.grace } })).status,
			).toBe(403);
			tasks.close();
		});

		test("in default, open to all, a stream ends with the jobs that its role showed; a key's goes on", async () => {
			const told = await scene(await newUrl());
			const { server } = told;
			const open = async (headers: Record<string, string>) => {
				const tail = await openTail(server.url, "", headers);
				await tail.block();
				return tail;
			};
			const [user, program, nobody] = [
				await open({ authorization: told.grace }),
				await open({ "x-api-key": testApiKey }),
				await open({}),
			];
			await addMember(server, grace, "reader");
			await expectEnd(user);
			const again = await open({ authorization: told.grace });
			const headers = { authorization: server.bearer };
			await ask(server, "POST /jobs", { headers, body: { kind: "k" } });
			await ask(server, "POST /collab/tasks", { headers, body: { title: "for all" } });
			expect((await program.next()).type).toBe("job.enqueued");
			for (const tail of [again, nobody]) expect((await tail.next()).event.data.title).toBe("for all");
			for (const tail of [program, nobody, again]) tail.close();
		});
	});
}
