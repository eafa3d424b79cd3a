import { describe, expect, test } from "bun:test";
import { ask } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import { post } from "../support/jobs.ts";
import { startServer } from "../support/server.ts";
import { openTestStorage } from "../support/storage.ts";
import { logIn } from "../support/users.ts";
import { expectWhole, Load } from "./load.ts";

const hour = 3_600_000;

describe.each([...everyDatabase])("a clock that is set back, on $name", ({ newUrl }) => {
	/** A server whose clock a test may set. */
	async function clocked(env: Record<string, string> = {}) {
		let ahead = 0;
		const clock = () => Date.now() + ahead;
		const server = await startServer({ DATABASE_URL: await newUrl(), ...env }, { clock });
		return {
			server,
			set(milliseconds: number) {
				ahead = milliseconds;
			},
		};
	}

	test("locks nobody out: a window of the limit is never longer than its length", async () => {
		const { server, set } = await clocked({ RATE_LIMIT: "3/minute" });
		set(24 * hour);
		const get = () => ask(server, "GET /collab/state/tasks");
		for (let n = 0; n < 3; n++) expect((await get()).status).toBe(200);
		expect((await get()).status).toBe(429);
		set(0);
		const answer = await get();
		expect(answer.status).toBe(200);
		expect(Number(/t=(\d+)/.exec(answer.headers.get("ratelimit") ?? "")?.[1])).toBeLessThanOrEqual(60);
	});

	test("ends no token early, and every token expires when the clock advances again", async () => {
		const { server, set } = await clocked({ JWT_EXPIRE_MINUTES: "60" });
		const status = async (authorization: string) =>
			(await ask(server, "GET /auth/me", { headers: { authorization } })).status;
		set(2 * hour);
		expect(await status(server.bearer)).toBe(401);
		const ahead = await logIn(server.url);
		expect(await status(ahead)).toBe(200);
		set(0);
		const behind = await logIn(server.url);
		expect([await status(ahead), await status(behind)]).toEqual([200, 200]);
		set(4 * hour);
		expect([await status(ahead), await status(behind)]).toEqual([401, 401]);
	});

	test("does not change the order: events follow one another, lists are newest first, retries are replayed", async () => {
		const { server, set } = await clocked({ JWT_EXPIRE_MINUTES: "10000" });
		const load = await Load.on(server.url, 4);
		for (const at of [24 * hour, 0, -24 * hour, 0]) {
			set(at);
			await load.more(30);
		}
		const headers = { authorization: server.bearer, "idempotency-key": "clock" };
		// Ends the load: nothing of it comes later.
		await expectWhole(server.url, load);
		set(-hour);
		const last = await ask(server, "POST /collab/tasks", { headers, body: { title: "last" } });
		set(-2 * hour);
		const again = await ask(server, "POST /collab/tasks", { headers, body: { title: "last" } });
		expect([again.text, again.headers.get("idempotency-replayed")]).toEqual([last.text, "true"]);
		const list = await ask(server, "GET /collab/state/tasks?limit=1");
		expect(JSON.parse(list.text).items[0].title).toBe("last");
	});
});

describe.each([...everyDatabase])(
	"a clock that is 60 days ahead when a server starts, on $name",
	({ newUrl }) => {
		test("removes no event, no job and no record once it is set right", async () => {
			const url = await newUrl();
			const storage = await openTestStorage(url);
			let ahead = 60 * 24 * hour;
			let readings = 0;
			const read = Promise.withResolvers<void>();
			// The program's clock, and the database's as the purges see it.
			const clock = () => Date.now() + ahead;
			const now = async () => {
				if (++readings >= 4) read.resolve();
				return (await storage.now()) + ahead;
			};
			const first = await startServer({ DATABASE_URL: url }, { storage, clock: () => Date.now() });
			const headers = { authorization: first.bearer, "idempotency-key": "ahead" };
			const made = await ask(first, "POST /collab/tasks", { headers, body: { title: "kept" } });
			const { job } = await post(first.url, "/jobs", { kind: "k" });
			await post(first.url, `/jobs/${job.id}/cancel`, {});
			await first.app.stop();

			// A tenth of this retention passes within the test.
			const env = { DATABASE_URL: url, EVENTS_RETENTION_HOURS: "0.02", JOBS_RETENTION_HOURS: "0.02" };
			const second = await startServer(env, { storage: { ...storage, now }, clock });
			await Bun.sleep(3000);
			ahead = 0;
			await read.promise;
			const again = await ask(second, "POST /collab/tasks", {
				headers: { ...headers, authorization: second.bearer },
				body: { title: "kept" },
			});
			expect([again.text, again.headers.get("idempotency-replayed")]).toEqual([made.text, "true"]);
			expect((await storage.events.range()).purgedRev).toBe(0);
			expect((await storage.jobs.find(1, job.id))?.state).toBe("cancelled");
		});
	},
);
