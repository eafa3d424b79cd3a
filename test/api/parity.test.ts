import { expect, test } from "bun:test";
import { readConfig } from "../../src/config.ts";
import { openStorage } from "../../src/storage/open.ts";
import { type Answer, ask, type Question } from "../support/ask.ts";
import { eventOf } from "../support/claims.ts";
import { everyDatabase } from "../support/databases.ts";
import { postgresVariants } from "../support/postgres-variants.ts";
import { silentLog, startServer, type TestServer, testApiKey } from "../support/server.ts";
import { addUser, testEmail, testPassword, usersOf } from "../support/users.ts";

/** The parts of a response that must be equal on all databases: everything except the date. */
interface Seen {
	readonly line: string;
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
}

const log = await silentLog();
const hash = await Bun.password.hash(testPassword, { algorithm: "argon2id", memoryCost: 1024, timeCost: 1 });

/** A deterministic server on a new database: ids, times and secrets are the same every time. */
async function foreseeable(env: Readonly<Record<string, string>>, settings: Record<string, string> = {}) {
	const storage = await openStorage(readConfig(env, false).database, log);
	await storage.settings.getOrMake("cursor_secret", () => "cursors are the same everywhere");
	await usersOf(storage).add({ id: numberedId(0), email: testEmail, passwordHash: hash, now: 0 });
	let ids = 0;
	return startServer(
		{
			RATE_LIMIT: "1000/minute",
			USER_RATE_LIMIT: "2000/minute",
			LOGIN_RATE_LIMIT: "3/minute",
			MAX_BODY_BYTES: "50000",
			LOG_LEVEL: "silent",
			...settings,
		},
		{ storage, clock: () => 1_700_000_000_000, newId: () => numberedId(++ids) },
	);
}

function numberedId(number: number): string {
	return `019ab2f4-7c1e-7a52-9d0b-${String(number).padStart(12, "0")}`;
}

/** Asks a server, and keeps what was seen. */
function recorded(server: TestServer): { readonly say: Say; readonly seen: readonly Seen[] } {
	const seen: Seen[] = [];
	const say: Say = async (line, options = {}) => {
		const headers = { "x-request-id": `step-${seen.length}`, ...options.headers };
		const answer = await ask(server, line, { ...options, headers });
		const { date: _, ...compared } = Object.fromEntries(answer.headers);
		// A token is different every time.
		const body = answer.text.replace(/"access_token":"[^"]+"/, '"access_token":"…"');
		seen.push(timeless(line, { line, status: answer.status, headers: compared, body }));
		return answer;
	};
	return { say, seen };
}

/** Valid and invalid requests of every kind, in a fixed order: each one runs on the state that the ones before it left. */
async function conversation(env: Readonly<Record<string, string>>): Promise<readonly Seen[]> {
	const server = await foreseeable(env);
	const { say, seen } = recorded(server);
	const user = { authorization: server.bearer };
	const create = (body: unknown, headers: object = {}) =>
		say("POST /collab/tasks", { headers: { ...user, ...headers }, body });

	await say("GET /healthz");
	await say("GET /collab/state/tasks");
	await say("POST /auth/login", { body: { email: testEmail.toUpperCase(), password: testPassword } });
	for (const email of [testEmail, "nobody@example.com", "nobody@example.com", "nobody@example.com", "a"]) {
		await say("POST /auth/login", { body: { email, password: "wrong" } });
	}
	await say("POST /auth/login", { body: { email: testEmail, password: "x", extra: 1 } });
	await say("GET /auth/me", { headers: user });
	await say("GET /auth/me", { headers: { authorization: "Bearer x" } });
	await say("GET /auth/me");
	for (const body of [
		{ name: "Ada Lovelace" },
		{},
		{ name: "👩‍👩‍👧 \u2028 Ünïcödé" },
		{ name: "😀".repeat(100) },
		{ name: "😀".repeat(101) },
		{ name: "" },
		{ name: null },
		{ name: 1, email: testEmail },
		{ name: "a\u0007b" },
		'{"name":"a\\u0000b"}',
		'{"name":"a\\ud800b"}',
		"{",
	]) {
		await say("PATCH /auth/me", { headers: user, body });
	}
	await say("PATCH /auth/me", { headers: user, body: {}, contentType: "application/merge-patch+json" });
	await say("PATCH /auth/me", { headers: user, body: "name=x", contentType: "text/plain" });
	await say("PATCH /auth/me", { body: { name: 1 } });
	await say("PATCH /auth/me", { headers: { ...user, "if-match": '"none"' }, body: { name: "Ada" } });
	await say("GET /auth/me", { headers: user });

	const texts = [
		"plain",
		"Ünïcödé 世界 👩‍👩‍👧",
		"'; DROP TABLE tasks; -- \\ \" {a,b} $1",
		"\u0001\u007f\u2028\ufffe",
		"\ufeffbom ",
	];
	for (const title of texts) await create({ title, description: title.repeat(3) });
	for (const body of [
		{ title: "x".repeat(201) },
		{ title: "  " },
		{ title: null, description: 1, extra: [] },
		'{"title":"a\\u0000b"}',
		'{"title":"a\\ud800b"}',
		'{"title":1e400}',
		'{"__proto__":{},"title":"x"}',
		"{",
		"[]",
		new Uint8Array([0x22, 0xff, 0x22]),
		`{"title":"${"x".repeat(50_000)}"}`,
	]) {
		await create(body);
	}
	await say("POST /collab/tasks", { headers: user, body: "title=x", contentType: "text/plain" });
	await say("POST /collab/tasks", { body: { title: "nobody" } });

	for (const [key, title] of [
		["k", "once"],
		["k", "once"],
		["k", "twice"],
		["", "x"],
		["a b", "x"],
	] as const) {
		await create({ title }, { "idempotency-key": key });
	}

	const all = {
		...{ assignee: "Grace", defer_until: "9000-01-01T00:00:00.5+01:00", due_at: "2026-11-23t08:15:00.1239z" },
		...{
			description: "d",
			labels: ["b", "a", "b", "😀", "\ufb33"],
			metadata: { "😀": 1, a: [null, 1.5e300], n: null },
		},
		...{ note: "Ünïcödé 世界", priority: 7, rank: "a0b", status: "waiting", title: "all" },
	};
	const blockedBy = [numberedId(1), numberedId(2)];
	const made = await create({ ...all, blocked_by: blockedBy, parent: numberedId(3) });
	const { id: whole } = made.json as { id: string };
	for (const body of [
		{ title: "t", blocked_by: [numberedId(999), "x"], parent: numberedId(998) },
		{ title: "t", metadata: { a: "x".repeat(17_000) }, due_at: "0000-01-01T00:00:00+01:00" },
		{ title: "t", priority: 101, rank: "0", status: "x", labels: ["", 1], note: "a\nb", number: 1 },
		{ ...all, defer_until: null, status: null, priority: null, rank: null, labels: null, metadata: null },
	]) {
		await create(body);
	}
	const change = (id: string, body: unknown) =>
		say(`PATCH /collab/tasks/${id}`, { headers: { ...user, "if-match": "*" }, body });
	for (const body of [
		{ metadata: { a: null, b: { c: null, d: 1 } }, status: "open" },
		{ labels: ["c"], blocked_by: [numberedId(2)], note: "again" },
		{ defer_until: "2000-01-01T00:00:00Z" },
		{ defer_until: null, assignee: null, due_at: null, rank: null },
		{ blocked_by: [whole], parent: whole },
		{ parent: numberedId(999) },
	]) {
		await change(whole, body);
	}
	await change(numberedId(2), { blocked_by: [whole] });
	await change(numberedId(2), { status: "done" });
	await change(numberedId(2), { status: "cancelled" });
	const batch = (body: unknown) =>
		say("POST /collab/tasks/batch", { headers: { ...user, "idempotency-key": "batch" }, body });
	const tasks = [{ title: "a" }, { title: "b", blocked_by: ["#0"], parent: "#0" }];
	for (const body of [
		{ tasks: [{ title: "a", blocked_by: ["#0", "#1"] }] },
		{ tasks },
		{ tasks },
		{ tasks: [] },
	]) {
		await batch(body);
	}

	const path = `/collab/tasks/${numberedId(1)}` as const;
	const { headers } = await say(`GET ${path}`);
	const etag = headers.get("etag") ?? "";
	await say(`HEAD ${path}`);
	await say(`GET ${path}`, { headers: { "if-none-match": etag } });
	await say(`GET ${path}`, { headers: { "if-none-match": '"other"' } });
	for (const ifMatch of [undefined, '"other"', `W/${etag}`, `${etag}, *`, "", etag, etag, "*"]) {
		const options = { headers: { ...user, ...(ifMatch !== undefined && { "if-match": ifMatch }) } };
		await say(`PATCH ${path}`, { ...options, body: { title: `under ${ifMatch}` } });
		await say(`PATCH ${path}`, { ...options, body: { title: 1 } });
		await say(`PATCH ${path}`, { ...options, body: {}, contentType: "text/plain" });
		await say(`PATCH ${path}`, { ...options, body: {}, contentType: "application/merge-patch+json" });
	}
	await say(`PATCH ${path}`, { headers: { ...user, "if-match": "*" }, body: { description: null } });
	await say(`PATCH /collab/tasks/${numberedId(999)}`, { headers: { ...user, "if-match": "*" }, body: {} });
	await say("PATCH /collab/tasks/no-id", { headers: user, body: {} });
	await say(`PATCH ${path}`, { body: {} });

	for (const query of [
		"",
		"?limit=2",
		"?limit=2&order=asc",
		"?limit=0",
		"?limit=x&order=y&z=1",
		"?cursor=forged",
	]) {
		let next: string | undefined = `/collab/state/tasks${query}`;
		while (next !== undefined) {
			const answer: Answer = await say(`GET ${next as `/${string}`}`);
			next = /^<(.+)>/.exec(answer.headers.get("link") ?? "")?.[1];
		}
	}
	const list = await say("GET /collab/state/tasks");
	await say("GET /collab/state/tasks", { headers: { "if-none-match": list.headers.get("etag") ?? "" } });

	await talkOfComments(say, user, path);
	await talkOfClaims(say, user);

	for (const ifMatch of [undefined, '"other"', "*"]) {
		const options = { headers: { ...user, ...(ifMatch !== undefined && { "if-match": ifMatch }) } };
		await say(`DELETE ${path}`, options);
	}
	await say(`GET ${path}/comments`);
	await say(`GET /events?task=${numberedId(1)}`);
	await say(`DELETE ${path}`, { headers: { ...user, "if-match": "*" } });
	await say(`GET ${path}`);
	await say("GET /collab/tasks/%00");
	await say("GET /collab/state/tasks");
	await say("GET /nothing");
	await say(`PUT ${path}`);
	await say("OPTIONS /collab/tasks", { headers: { origin: "http://localhost:3001" } });
	await say("GET /collab/state/tasks", {
		headers: { origin: "http://localhost:3001", "x-api-key": testApiKey },
	});
	await say("GET /swagger/json");
	await talkOfJobs(say);
	return seen;
}

/** Answers that have a claim, whose times are of the database's clock. The ETag is that of the task alone. */
const claimLines = /^\w+ \/collab\/(claims|tasks\/.*(claim|heartbeat)$)/;
const claimTimes = /"(expires_at|claimed_at|now)":"[^"]+"/g;

/** Jobs and their events have times of the database's clock: these, and the ETags over them, differ every time. */
function timeless(line: string, seen: Seen): Seen {
	if (claimLines.test(line)) {
		// A fence has a random part, and so more digits or fewer.
		const { "content-length": _, ...headers } = seen.headers;
		const body = seen.body
			.replace(claimTimes, '"$1":"…"')
			.replace(/"fence":(\d+)/g, (__, fence) => `"fence of":${eventOf(Number(fence))}`);
		return { ...seen, headers, body };
	}
	if (!/^\w+ \/(jobs|events)/.test(line)) return seen;
	const headers = { ...seen.headers };
	if (headers.etag !== undefined) headers.etag = "…";
	const age = /"oldest_queued_seconds":[\d.]+/g;
	// An age in seconds has more digits or fewer.
	if (age.test(seen.body)) delete headers["content-length"];
	const body = seen.body
		.replace(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"…"')
		.replace(age, '"oldest_queued_seconds":0');
	return { ...seen, headers, body };
}

type Say = (line: `${string} /${string}`, options?: Question) => Promise<Answer>;

async function talkOfComments(say: Say, user: Record<string, string>, task: `/${string}`): Promise<void> {
	const path = `${task}/comments` as const;
	const unknown = `/collab/tasks/${numberedId(999)}/comments` as const;
	const ids: string[] = [];
	await say(`GET ${path}`);
	for (const body of [
		{ body: "plain" },
		{ body: "Ünïcödé 世界 👩‍👩‍👧 \u0001\u007f\u2028\ufffe" },
		{ body: "'; DROP TABLE comments; -- \\ \" {a,b} $1" },
		{ body: "ä".repeat(20_000) },
		{ body: "😀".repeat(20_001) },
		{ body: " \u3000" },
		{ body: null, task: 1 },
		'{"body":"a\\u0000b"}',
		"{",
		"[]",
		`{"body":"${"x".repeat(50_000)}"}`,
	]) {
		const { status, json } = await say(`POST ${path}`, { headers: user, body });
		if (status === 200) ids.push((json as { id: string }).id);
		await say(`POST ${unknown}`, { headers: user, body });
	}
	await say(`POST ${path}`, { body: { body: "nobody" } });
	await say(`POST ${path}`, { headers: user, body: "body=x", contentType: "text/plain" });
	for (const [key, where, body] of [
		["c", path, "once"],
		["c", path, "once"],
		["c", path, "twice"],
		["c", `/collab/tasks/${numberedId(2)}/comments`, "once"],
		["c", unknown, "once"],
		["a b", path, "x"],
		["a b", unknown, "x"],
	] as const) {
		await say(`POST ${where}`, { headers: { ...user, "idempotency-key": key }, body: { body } });
	}
	for (const query of ["", "?limit=2", "?limit=0", "?cursor=forged&order=asc"]) {
		let next: string | undefined = `${path}${query}`;
		while (next !== undefined) {
			const { headers }: Answer = await say(`GET ${next as `/${string}`}`);
			await say(`GET ${next as `/${string}`}`, { headers: { "if-none-match": headers.get("etag") ?? "" } });
			next = /^<(.+)>/.exec(headers.get("link") ?? "")?.[1];
		}
	}
	for (const [where, id] of [
		[path, ids[0]],
		[path, ids[0]],
		[unknown, ids[1]],
		[path, numberedId(999)],
		[path, "no-id"],
	]) {
		await say(`DELETE ${where as `/${string}`}/${id}`, { headers: user });
	}
	await say(`DELETE ${path}/${ids[1]}`);
	await say(`GET ${path}/${ids[1]}`);
	for (const query of [
		`?task=${numberedId(1)}`,
		`?task=${numberedId(1)}&limit=3&after=5`,
		`?task=${numberedId(1)}&types=task.comment_deleted,job.*`,
		`?task=${numberedId(999)}`,
		"?task=",
		"?task=no-id&task=no-id",
	]) {
		await say(`GET /events${query as `?${string}`}`);
	}
}

async function talkOfClaims(say: Say, user: Record<string, string>): Promise<void> {
	const post = (path: string, body: unknown, headers: object = {}) =>
		say(`POST /collab/tasks/${path}`, { headers: { ...user, ...headers }, body });
	async function create(fields: object): Promise<string> {
		const body = { title: "claimed", labels: ["claims"], ...fields };
		const { status, json } = await say("POST /collab/tasks", { headers: user, body });
		expect(status).toBe(200);
		return (json as { id: string }).id;
	}
	/** The fence of the claim that lasts. */
	async function fenceOf(id: string): Promise<number> {
		const { json } = await say(`GET /collab/claims?task=${id}`, { headers: user });
		const { items } = json as { items: readonly { fence: number }[] };
		expect(items).toHaveLength(1);
		return items[0]?.fence ?? 0;
	}
	const first = await create({ priority: 5, note: "Ünïcödé" });
	const second = await create({ blocked_by: [first] });
	const third = await create({ assignee: "Grace", status: "waiting" });
	const unknown = numberedId(999);

	await say("POST /collab/tasks/claim", { body: {} });
	for (const body of [
		{ holder: "a\u0007", lease_seconds: 0, wait_seconds: 31, label: "", more: 1 },
		{ lease_seconds: 86_401 },
		"{",
		[],
		{ label: "no task has it" },
		{ label: "claims", holder: "👩‍👩‍👧 agent", lease_seconds: 86_400 },
		{ label: "claims" },
	]) {
		await post("claim", body);
	}
	for (const id of [first, second, third, unknown, "no-id"]) await post(`${id}/claim`, {});
	await post(`${first}/claim`, { holder: "" });
	const fence = await fenceOf(first);
	for (const query of ["", "?mine=true", "?holder=x", "?holder=", "?limit=0", "?cursor=x", "?task=no-id"]) {
		await say(`GET /collab/claims${query}`, { headers: user });
		await say(`GET /collab/claims${query}`);
	}
	for (const given of [fence - 1, fence, 0, "1", null]) {
		await post(`${first}/heartbeat`, { fence: given, lease_seconds: 60 });
	}
	for (const claimFence of ["", "0", "x", String(fence - 1), undefined, String(fence), "*"]) {
		const headers = {
			...user,
			"if-match": "*",
			...(claimFence !== undefined && { "claim-fence": claimFence }),
		};
		await say(`PATCH /collab/tasks/${first}`, {
			headers,
			body: { priority: 6, note: `under ${claimFence === String(fence) ? "its fence" : claimFence}` },
		});
		await say(`PATCH /collab/tasks/${first}`, { headers, body: { title: 1 } });
	}
	for (const method of ["PATCH", "DELETE"]) {
		const body = method === "PATCH" ? { body: { status: "done" } } : {};
		await say(`${method} /collab/tasks/${first}`, { headers: { ...user, "if-match": "*" }, ...body });
	}
	await post(`${first}/release`, { fence, status: "done" });
	await post(`${first}/release`, { fence, status: "waiting", note: "Which?" });
	await post(`${first}/release`, { fence, status: "open" });
	await post(`${first}/complete`, { fence });
	await say(`PATCH /collab/tasks/${first}`, {
		headers: { ...user, "if-match": "*" },
		body: { status: "open" },
	});
	for (const key of ["c", "c"]) await post("claim", { label: "claims" }, { "idempotency-key": key });
	await post("claim", { label: "other" }, { "idempotency-key": "c" });
	await post(`${first}/claim`, {}, { "idempotency-key": "c" });
	const newer = await fenceOf(first);
	await say(`GET /collab/tasks/${first}/result`);
	await post(`${first}/complete`, { fence: newer, result: "x".repeat(66_000) });
	await post(`${first}/complete`, { fence: newer, result: { b: [1e21, null], a: "\u2028" }, note: "So" });
	await post(`${first}/complete`, { fence: newer, result: 2 });
	await post("claim", { label: "claims" }, { "idempotency-key": "c" });
	const result = await say(`GET /collab/tasks/${first}/result`);
	await say(`GET /collab/tasks/${first}/result`, {
		headers: { "if-none-match": result.headers.get("etag") ?? "" },
	});
	for (const id of [second, unknown, "no-id"]) {
		await say(`GET /collab/tasks/${id}/result`);
		for (const verb of ["heartbeat", "release", "complete"]) await post(`${id}/${verb}`, { fence: newer });
	}
	for (const id of [first, second, third]) await say(`GET /events?task=${id}`);
}

async function talkOfJobs(say: Say): Promise<void> {
	const key = { "x-api-key": testApiKey };
	const post = (path: string, body: unknown, headers: Record<string, string> = key) =>
		say(`POST ${path as `/${string}`}`, { headers, body });
	await post("/jobs", { kind: "k" }, {});
	await post("/jobs", { kind: "k" }, { "x-api-key": "wrong-key-of-sixteen" });
	for (const body of [
		{ kind: "k", payload: { b: [1, "ä", null], a: 1e21 } },
		{ kind: "urgent", priority: 9, unique_key: "u" },
		{ kind: "urgent", priority: 1, unique_key: "u" },
		{ kind: "later", run_at: "2999-01-01T00:00:00Z", queue: "q" },
		{ kind: "k", payload: "x".repeat(270_000) },
		{ kind: " ", priority: 0.5, run_at: "tomorrow", more: 1 },
		"{",
	]) {
		await post("/jobs", body);
	}
	for (const kind of ["once", "once", "other"])
		await post("/jobs", { kind }, { ...key, "idempotency-key": "j" });
	await post("/jobs/batch", {
		jobs: [{ kind: "a" }, { kind: "b", unique_key: "v" }, { kind: "c", unique_key: "v" }],
	});
	await post("/jobs/batch", { jobs: [] });
	const leased = await post("/jobs/lease", { worker: "w", limit: 3 });
	await post("/jobs/lease", { worker: "", limit: 0 });
	const ids = (leased.json as { items: { id: string }[] }).items.map(({ id }) => id);
	const [first, second, third] = ids;
	for (const fence of [0, 1, 2]) await post(`/jobs/${first}/heartbeat`, { fence, progress: 100 / 3 });
	for (const fence of [2, 1, 1]) await post(`/jobs/${first}/complete`, { fence, result: { done: true } });
	for (const fence of [2, 1, 1]) await post(`/jobs/${second}/fail`, { fence, error: "broken", retry: false });
	await post(`/jobs/${second}/retry`, {});
	await post(`/jobs/${second}/retry`, {});
	for (const _ of [1, 2]) await post(`/jobs/${third}/cancel`, {});
	await post(`/jobs/${numberedId(999)}/complete`, { fence: 1 });
	await post("/jobs/no-id/complete", {});
	const { headers } = await say(`GET /jobs/${first}`, { headers: key });
	await say(`GET /jobs/${first}`, { headers: { ...key, "if-none-match": headers.get("etag") ?? "" } });
	for (const query of [
		"",
		"?limit=2",
		"?state=queued&kind=a",
		"?queue=q",
		"?state=odd&limit=x",
		"?cursor=x",
	]) {
		await say(`GET /jobs${query}`, { headers: key });
	}
	await say("GET /jobs/stats", { headers: key });
	await say("GET /jobs/stats");
	await say("PUT /jobs", { headers: key });
	await say("GET /events");
	await say("GET /events?after=3&limit=4", { headers: key });
	await say("GET /events?types=job.*,task.deleted", { headers: key });
	await say("GET /events?after=99&types=x", { headers: key });
	await say("GET /events?after=999", { headers: { "x-api-key": "wrong-key-of-sixteen" } });
}

/** Every read, with every credential, where reads want one. */
async function readsWithLogin(env: Readonly<Record<string, string>>): Promise<readonly Seen[]> {
	const server = await foreseeable(env, { READS: "login" });
	const { say, seen } = recorded(server);
	const user = { authorization: server.bearer };
	const key = { "x-api-key": testApiKey };
	const { headers } = await say("POST /collab/tasks", { headers: user, body: { title: "a" } });
	const etag = headers.get("etag") ?? "";
	await say("POST /jobs", { headers: key, body: { kind: "k" } });
	for (const credential of [
		{},
		{ authorization: "Bearer forged" },
		user,
		key,
		{ ...user, ...key },
		{ "x-api-key": "wrong-key-of-sixteen" },
	]) {
		for (const path of [
			"/collab/state/tasks",
			"/collab/state/tasks?limit=x",
			`/collab/tasks/${numberedId(1)}`,
			"/collab/tasks/no-id",
			"/events",
			"/events?types=job.*",
			"/events?after=99",
			"/events?after=99&types=x",
		] as const) {
			for (const method of ["GET", "HEAD"]) {
				await say(`${method} ${path}`, { headers: credential });
				await say(`${method} ${path}`, { headers: { ...credential, "if-none-match": etag } });
			}
		}
	}
	// Not the first user, who is the only owner of `default`.
	const gone = { authorization: await addUser(server.storage, server.url, "grace@example.com") };
	await usersOf(server.storage).remove("grace@example.com");
	await say("GET /collab/state/tasks", { headers: gone });
	await say("GET /events", { headers: gone });
	return seen;
}

/** Lists of tasks by every filter, in every order, page by page. */
async function lists(env: Readonly<Record<string, string>>): Promise<readonly Seen[]> {
	const server = await foreseeable(env);
	const { say, seen } = recorded(server);
	const headers = { authorization: server.bearer, "if-match": "*" };
	const ids: string[] = [];
	for (let index = 0; index < 12; index++) {
		const { json } = await say("POST /collab/tasks", {
			headers,
			body: {
				title: ["plain", "Größe", "漢字 kanji", "e\u0301tude"][index % 4],
				description: index % 3 === 0 ? "Choose a ﬁne courier" : "",
				priority: index % 3,
				rank: index % 2 === 0 ? "Zm" : "am",
				status: ["open", "open", "done", "waiting"][index % 4],
				labels: [["a"], ["a", "é"], ["e\u0301", ","], []][index % 4],
				assignee: [null, "ann", "Ann"][index % 3],
				parent: index > 4 ? ids[1] : null,
				blocked_by: index > 5 && index % 2 === 0 ? ids.slice(0, 2) : [],
				due_at: index % 5 === 0 ? "2026-01-01T00:00:00Z" : null,
			},
		});
		ids.push((json as { id: string }).id);
	}
	await say(`PATCH /collab/tasks/${ids[2] ?? ""}`, { headers, body: { title: "changed" } });
	await say(`PATCH /collab/tasks/${ids[0] ?? ""}`, { headers, body: { status: "cancelled" } });
	const filters = [
		"",
		"status=open",
		"status=done&status=cancelled&status=waiting",
		"label=a",
		`label=a&label=${encodeURIComponent("é")}`,
		`label=${encodeURIComponent(",")}`,
		"assignee=",
		"assignee=ann",
		"claimed_by=",
		`parent=${ids[1] ?? ""}`,
		"parent=x",
		`blocked_by=${ids[0] ?? ""}`,
		"blocked_by=",
		"due_before=2027-01-01T00:00:00Z",
		"number=3",
		"ready=true",
		`q=${encodeURIComponent("GRÖẞE")}`,
		`q=${encodeURIComponent("fine cour")}`,
		`q=${encodeURIComponent("字 étu")}`,
		`q=${encodeURIComponent("'%_\\\"; --")}`,
	];
	for (const filter of filters) {
		for (const order of [
			"",
			"&order=asc",
			"&sort=priority",
			"&sort=updated&order=asc",
			"&sort=status_since&brief=true",
		]) {
			let next: string | undefined = `/collab/state/tasks?limit=3&${filter}${order}`;
			while (next !== undefined) {
				const answer: Answer = await say(`GET ${next as `/${string}`}`);
				next = /^<(.+)>/.exec(answer.headers.get("link") ?? "")?.[1];
			}
		}
	}
	await say("GET /collab/tasks/stats");
	await say("HEAD /collab/tasks/stats");
	for (const wrong of [
		"label=",
		"status=x&q=!",
		"due_before=x&number=0",
		"cursor=x",
		"assignee=%00",
		"ready=1&brief=",
	]) {
		await say(`GET /collab/state/tasks?${wrong}`);
	}
	return seen;
}

test("lists have the same pages on every database", async () => {
	const [first, ...others] = await Promise.all(
		everyDatabase.map(async ({ newUrl }) => lists({ DATABASE_URL: await newUrl() })),
	);
	expect([...new Set(first?.map(({ status }) => status))].sort()).toEqual([200, 422]);
	expect(first?.length).toBeGreaterThan(200);
	for (const other of others) expect(other).toEqual([...(first ?? [])]);
});

test("where reads want a login, the same requests get the same responses on every database", async () => {
	const [first, ...others] = await Promise.all(
		everyDatabase.map(async ({ newUrl }) => readsWithLogin({ DATABASE_URL: await newUrl() })),
	);
	const statuses = new Set(first?.map(({ status }) => status));
	expect([...statuses].sort()).toEqual([200, 202, 304, 401, 403, 404, 422]);
	for (const other of others) expect(other).toEqual([...(first ?? [])]);
});

test("the same requests get the same responses on every database: status, headers and bytes", async () => {
	const environments = [...everyDatabase.map((database) => ({ ...database, env: {} })), ...postgresVariants];
	const [first, ...others] = await Promise.all(
		environments.map(async ({ newUrl, env }) => conversation({ ...env, DATABASE_URL: await newUrl() })),
	);
	const statuses = new Set(first?.map(({ status }) => status));
	expect([...statuses].sort()).toEqual([
		200, 202, 204, 304, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 428, 429,
	]);
	expect(first?.length).toBeGreaterThan(140);
	for (const other of others) expect(other).toEqual([...(first ?? [])]);
});
