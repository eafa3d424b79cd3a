import { describe, expect, test } from "bun:test";
import { type Answer, ask, errorOf } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import type { JobBody } from "../support/jobs.ts";
import { startServer, testApiKey } from "../support/server.ts";
import { testEmail, testPassword } from "../support/users.ts";

/**
 * Attacks by submitted values. Invalid bodies are in test/api/bodies, forged cursors of tasks in test/api/paging, stale
 * fences in test/api/jobs; here are values of a valid form with a malicious content.
 */

const statements = [
	"'; DROP TABLE tasks; --",
	"' OR '1'='1",
	'"; DELETE FROM events; --',
	"1); UPDATE log_head SET rev = 0; --",
	"x' UNION SELECT password_hash FROM users --",
	"\\'; SELECT pg_sleep(60); --",
	"$1; ROLLBACK; $$; :id ?1 @x %s %27 {0}",
	"*/ COMMIT; /*",
	"__proto__",
	"constructor",
	"\u2028'\u00ad\ufeff%_\\",
];

for (const { name, newUrl } of everyDatabase) {
	describe(`on ${name}`, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });
		const user = { authorization: server.bearer };
		const worker = { "x-api-key": testApiKey };
		const post = (path: `/${string}`, body: unknown, headers: Record<string, string> = worker) =>
			ask(server, `POST ${path}`, { headers, body });
		const job = ({ json }: Answer) => json as JobBody;
		const itemsOf = ({ json }: Answer) => (json as { items: readonly JobBody[] }).items;

		test("SQL in a text field is stored as text", async () => {
			const before = Number((await ask(server, "GET /collab/state/tasks")).headers.get("x-event-id"));
			for (const text of statements) {
				const made = await post("/collab/tasks", { title: text, description: text }, user);
				expect([made.status, made.json]).toEqual([
					200,
					expect.objectContaining({ title: text, description: text }),
				]);
				const path = made.headers.get("location") as `/${string}`;
				const headers = { ...user, "if-match": made.headers.get("etag") ?? "" };
				const patched = await ask(server, `PATCH ${path}`, { headers, body: { title: `${text}${text}` } });
				expect((await ask(server, `GET ${path}`)).text).toBe(patched.text);
				expect(JSON.parse(patched.text).title).toBe(`${text}${text}`);
			}
			const list = await ask(server, "GET /collab/state/tasks?order=asc");
			const titles = (list.json as { items: { title: string }[] }).items.map(({ title }) => title);
			expect(titles).toEqual(statements.map((text) => `${text}${text}`));
			expect(list.headers.get("x-event-id")).toBe(String(before + 2 * statements.length));
		});

		test("SQL in any text of a job is stored as text", async () => {
			for (const text of statements) {
				const whole = { kind: text, queue: text, unique_key: text, payload: { [text]: [text] } };
				const made = await post("/jobs", whole);
				expect(made.status).toBe(202);
				const { id, kind, queue, payload } = job(made);
				expect([kind, queue, payload]).toEqual([text, text, { [text]: [text] }]);
				const [leasedJob] = itemsOf(await post("/jobs/lease", { worker: text, queues: [queue] }));
				expect(leasedJob).toMatchObject({ id, lease: { worker: text } });
				const failed = await post(`/jobs/${id}/fail`, { fence: 1, error: text, retry: false });
				expect(job(failed).error).toBe(text);
				const query = new URLSearchParams({ queue: text, kind: text });
				const list = await ask(server, `GET /jobs?${query}`, { headers: worker });
				expect(itemsOf(list).map((found) => found.id)).toEqual([id]);
			}
			expect(({} as Record<string, unknown>)["'; DROP TABLE tasks; --"]).toBeUndefined();
		});

		test("SQL in headers, queries and logins has no effect", async () => {
			for (const text of statements) {
				const ascii = text.replaceAll(/[^\x21-\x7e]/g, "_");
				const headers = {
					...user,
					"idempotency-key": ascii,
					"if-none-match": `"${ascii}"`,
					"if-match": `"${ascii}"`,
				};
				const body = { title: "once" };
				const [first, again] = [
					await post("/collab/tasks", body, headers),
					await post("/collab/tasks", body, headers),
				];
				expect([first.status, again.text]).toEqual([200, first.text]);
				const query = encodeURIComponent(text);
				expect((await ask(server, `GET /collab/tasks/${query}`)).status).toBe(404);
				for (const line of [
					`GET /collab/state/tasks?cursor=${query}`,
					`GET /collab/state/tasks?order=${query}`,
					`GET /collab/state/tasks?limit=${query}`,
					`GET /collab/state/tasks?${query}=1`,
					`GET /events?types=${query}`,
					`GET /events?after=${query}`,
					`GET /jobs?state=${query}`,
					`GET /jobs?cursor=${query}`,
				] as const) {
					expect([line, (await ask(server, line, { headers: worker })).status]).toEqual([line, 422]);
				}
				const refused = await post("/auth/login", { email: testEmail, password: text }, {});
				expect(errorOf(refused).type).toBe("invalid_credentials");
			}
			// A login with an unknown address costs as much as a real one: a few are enough.
			for (const text of statements.slice(0, 4)) {
				const refused = await post(
					"/auth/login",
					{ email: `${testEmail}${text}`, password: testPassword },
					{},
				);
				expect(errorOf(refused).type).toBe("invalid_credentials");
			}
			expect((await post("/auth/login", { email: testEmail, password: testPassword }, {})).status).toBe(200);
		});

		test("__proto__ and the like are ordinary names, and change no object of the program", async () => {
			const harm = '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}},"toString":1}';
			const made = await post("/jobs", `{"kind":"k","payload":${harm}}`);
			expect(made.text).toContain('"__proto__":{"isAdmin":true}');
			for (const body of [harm, `{"kind":"k","__proto__":{"queue":"q"}}`, `{"__proto__":{"kind":"k"}}`]) {
				expect((await post("/jobs", body)).status).toBe(422);
			}
			const lying = '{"fence":1,"__proto__":{"fence":1}}';
			expect((await post(`/jobs/${job(made).id}/complete`, lying)).status).toBe(422);
			expect((await ask(server, "GET /collab/state/tasks?__proto__=1")).status).toBe(422);
			expect(
				(await post("/auth/login", `{"__proto__":{"email":"${testEmail}","password":"${testPassword}"}}`, {}))
					.status,
			).toBe(422);
			expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
			expect(String({})).toBe("[object Object]");
		});

		test("a cursor is valid only for its own list and server, and unchanged", async () => {
			for (let n = 0; n < 3; n++) await post("/jobs", { kind: "paged", queue: "paged" });
			const page = await ask(server, "GET /jobs?limit=1", { headers: worker });
			const { next_cursor: ofJobs } = page.json as { next_cursor: string };
			const tasks = await ask(server, "GET /collab/state/tasks?limit=1");
			const { next_cursor: ofTasks } = tasks.json as { next_cursor: string };
			const bytes = Buffer.from(ofJobs, "base64url");
			const forged = [
				...Array.from(bytes.keys(), (place) => {
					const changed = Buffer.from(bytes);
					changed[place] = (changed[place] ?? 0) ^ 1;
					return changed.toString("base64url");
				}),
				ofTasks,
				bytes.subarray(0, -1).toString("base64url"),
				Buffer.concat([bytes, Buffer.from([48])]).toString("base64url"),
				Buffer.from("desc 1").toString("base64url"),
				`${ofJobs}=`,
				`${ofJobs}A`,
				"",
			];
			for (const cursor of forged) {
				const answer = await ask(server, `GET /jobs?limit=1&cursor=${cursor}`, { headers: worker });
				expect([cursor, answer.status]).toEqual([cursor, 422]);
				expect(cursor.length < 8 || !answer.text.includes(cursor)).toBe(true);
			}
			expect((await ask(server, `GET /collab/state/tasks?limit=1&cursor=${ofJobs}`)).status).toBe(422);
			expect((await ask(server, `GET /jobs?limit=1&cursor=${ofJobs}`, { headers: worker })).status).toBe(200);
		});

		test("a fence that was never assigned changes no job, whatever number it is", async () => {
			const { id } = job(await post("/jobs", { kind: "k", queue: "fenced" }));
			const verbs = ["heartbeat", "complete", "fail"] as const;
			const guess = async (fence: unknown) => {
				const answers = verbs.map((verb) =>
					post(`/jobs/${id}/${verb}`, { fence, ...(verb === "fail" && { error: "e" }) }),
				);
				return (await Promise.all(answers)).map(({ status }) => status);
			};
			expect(await guess(1)).toEqual([409, 409, 409]);
			const [leased] = itemsOf(await post("/jobs/lease", { worker: "w", queues: ["fenced"] }));
			const { text } = await ask(server, `GET /jobs/${id}`, { headers: worker });
			for (const fence of [0, 2, 3, 2 ** 31, 2 ** 53 - 1]) {
				for (const status of await guess(fence))
					expect([fence, [409, 422].includes(status)]).toEqual([fence, true]);
			}
			for (const fence of [-1, 1.5, 1e300, "1", [1], { fence: 1 }, true, null]) {
				expect([fence, await guess(fence)]).toEqual([fence, [422, 422, 422]]);
			}
			expect((await ask(server, `GET /jobs/${id}`, { headers: worker })).text).toBe(text);
			expect((await post(`/jobs/${id}/complete`, { fence: leased?.lease?.fence })).status).toBe(200);
		});
	});
}
