import { describe, expect, test } from "bun:test";
import { newId } from "../../src/kernel/ids.ts";
import { type Answer, ask, errorOf } from "../support/ask.ts";
import { claimOf, claimsOf, listOf, taskOf } from "../support/claims.ts";
import { durableDatabases, everyDatabase } from "../support/databases.ts";
import { startServer } from "../support/server.ts";
import { addMember } from "../support/spaces.ts";
import { addToken, bearer, inKey } from "../support/tokens.ts";
import { addUser, usersOf } from "../support/users.ts";

const refused = (answer: Answer) => [answer.status, errorOf(answer).type];
const paths = (answer: Answer) => errorOf(answer).details?.map(({ path }) => path);
const lost = [409, "lease_lost"];

for (const { name, newUrl } of everyDatabase) {
	describe(`the rules of claims on ${name}`, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });
		const api = claimsOf(server);
		const agent = await addToken(server, { name: "agent-1" });
		const asAgent = claimsOf(server, bearer(agent));
		const newLabel = () => `label-${newId()}`;
		const newKey = () => ({ "idempotency-key": newId() });

		async function claimedTask() {
			const { id } = await api.create();
			return { id, fence: claimOf(await asAgent.claim(id)).claim.fence };
		}

		test("a repeat under a key gives the first answer while the claim lasts, and lease_lost after", async () => {
			const label = newLabel();
			await api.create({ labels: [label] });
			await api.create({ labels: [label] });
			const key = newKey();
			const first = await asAgent.next({ label }, key);
			const again = await asAgent.next({ label, wait_seconds: 1 }, key);
			expect([again.text, again.headers.get("etag")]).toEqual([first.text, first.headers.get("etag") ?? ""]);
			expect(first.headers.get("idempotency-replayed")).toBeNull();
			expect(again.headers.get("idempotency-replayed")).toBe("true");
			expect(refused(await asAgent.next({ label, holder: "x" }, key))).toEqual([422, "idempotency_mismatch"]);
			const { claim, task } = claimOf(first);
			await asAgent.release(task.id, { fence: claim.fence });
			expect(refused(await asAgent.next({ label }, key))).toEqual(lost);
			// Another credential has keys of its own.
			expect((await api.next({ label }, key)).status).toBe(200);
		});

		test("a key of another task is refused, and what failed or found no task stores nothing", async () => {
			const one = await api.create();
			const other = await api.create();
			const key = newKey();
			expect((await asAgent.claim(one.id, {}, key)).status).toBe(200);
			expect((await asAgent.claim(one.id, {}, key)).headers.get("idempotency-replayed")).toBe("true");
			expect(refused(await asAgent.claim(other.id, {}, key))).toEqual([422, "idempotency_mismatch"]);
			const later = newKey();
			expect(refused(await asAgent.claim(one.id, {}, later))).toEqual([409, "claimed"]);
			const { id } = await api.create();
			expect((await asAgent.claim(id, {}, later)).status).toBe(200);
			const [label, none] = [newLabel(), newKey()];
			expect((await asAgent.next({ label }, none)).status).toBe(204);
			await api.create({ labels: [label] });
			expect((await asAgent.next({ label }, none)).status).toBe(200);
			expect(refused(await asAgent.next({ label }, { "idempotency-key": "a b" }))).toEqual([
				400,
				"bad_request",
			]);
		});

		test("of requests that come at once under one key, one makes the claim and the others repeat it", async () => {
			for (let round = 0; round < 10; round++) {
				const [label, key] = [newLabel(), newKey()];
				await api.create({ labels: [label] });
				await api.create({ labels: [label] });
				const answers = await Promise.all(Array.from({ length: 3 }, () => asAgent.next({ label }, key)));
				expect(answers.map(({ status, text }) => [status, text])).toEqual(
					answers.map(() => [200, answers[0]?.text ?? ""]),
				);
				const replays = answers.map(({ headers }) => headers.get("idempotency-replayed"));
				expect(replays.toSorted()).toEqual([null, "true", "true"].toSorted());
			}
		});

		test("a repeat joins the first while that waits, and waits no longer than it asked", async () => {
			const [label, key] = [newLabel(), newKey()];
			const first = asAgent.next({ label, wait_seconds: 20 }, key);
			await Bun.sleep(50);
			const startedAt = performance.now();
			expect((await asAgent.next({ label, wait_seconds: 0.2 }, key)).status).toBe(204);
			expect(performance.now() - startedAt).toBeLessThan(5000);
			const second = asAgent.next({ label, wait_seconds: 20 }, key);
			await Bun.sleep(50);
			await api.create({ labels: [label] });
			await api.create({ labels: [label] });
			const [a, b] = await Promise.all([first, second]);
			expect([a.status, b.text]).toEqual([200, a.text]);
			expect([a, b].map(({ headers }) => headers.get("idempotency-replayed"))).toEqual([null, "true"]);
		});

		test("a repeat goes on waiting where the first one's client is gone", async () => {
			const [label, key] = [newLabel(), newKey()];
			const leaving = new AbortController();
			const gone = fetch(`${server.url}/collab/tasks/claim`, {
				method: "POST",
				headers: { "content-type": "application/json", ...bearer(agent), ...key },
				body: JSON.stringify({ label, wait_seconds: 20 }),
				signal: leaving.signal,
			}).catch(() => "gone");
			await Bun.sleep(50);
			const repeat = asAgent.next({ label, wait_seconds: 20 }, key);
			await Bun.sleep(50);
			leaving.abort();
			await gone;
			const { id } = await api.create({ labels: [label] });
			expect(claimOf(await repeat).task.id).toBe(id);
		});

		test("Claim-Fence must be that of a claim that lasts, whether it is needed or not", async () => {
			const { id, fence } = await claimedTask();
			for (const bad of ["0", "-1", "1.5", "abc", "", "1e3", "*,*"]) {
				expect(refused(await api.patch(id, {}, { "claim-fence": bad }))).toEqual([400, "bad_request"]);
			}
			for (const other of [`${fence + 1}`, "9007199254740993", "99999999999999999999"]) {
				expect(refused(await api.patch(id, {}, { "claim-fence": other }))).toEqual(lost);
			}
			const free = await api.create();
			expect(refused(await api.patch(free.id, {}, { "claim-fence": `${fence}` }))).toEqual(lost);
			expect((await api.patch(free.id, {}, { "claim-fence": "*" })).status).toBe(200);
			expect((await api.patch(id, {}, { "claim-fence": `${fence}` })).status).toBe(200);
			expect(refused(await asAgent.patch(id, {}, { "claim-fence": "*" }))).toEqual([403, "forbidden"]);
		});

		test("without it, a change of status and a deletion of a claimed task are refused, and nothing else", async () => {
			const { id, fence } = await claimedTask();
			const remove = (more: Record<string, string>) =>
				api.send(`DELETE /collab/tasks/${id}`, undefined, { "if-match": "*", ...more });
			expect(refused(await api.patch(id, { status: "done" }))).toEqual([409, "claimed"]);
			expect(refused(await remove({}))).toEqual([409, "claimed"]);
			expect(refused(await remove({ "claim-fence": `${fence + 1}` }))).toEqual(lost);
			const patched = await api.patch(id, { status: "in_progress", priority: 3, note: "Hurry" });
			expect(taskOf(patched)).toMatchObject({ claimed_by: "agent-1", note: { by: "ada" } });
			const own = await asAgent.patch(id, { note: "On it" }, { "claim-fence": `${fence}` });
			expect(taskOf(own).note).toEqual({ by: "agent-1", text: "On it" });
			expect((await asAgent.heartbeat(id, { fence })).status).toBe(200);
			expect((await remove({ "claim-fence": "*" })).status).toBe(204);
			expect(refused(await asAgent.heartbeat(id, { fence }))).toEqual([404, "not_found"]);
			expect(listOf(await api.list(`?task=${id}`)).items).toEqual([]);
		});

		test("every answer is for the caller alone", async () => {
			const { id } = await api.create();
			const claiming = await asAgent.claim(id);
			const { fence } = claimOf(claiming).claim;
			for (const answer of [
				claiming,
				await asAgent.heartbeat(id, { fence }),
				await asAgent.complete(id, { fence }),
				await asAgent.next({ label: newLabel() }),
				await api.send("POST /collab/tasks/batch", { tasks: [{ title: "t" }] }),
				await api.send(`DELETE /collab/tasks/${id}`, undefined, { "if-match": "*" }),
			]) {
				expect(answer.headers.get("cache-control")).toStartWith("private, no-cache");
				expect(answer.headers.get("vary")).toBe("Origin, Authorization, X-API-Key");
			}
		});

		test("a PATCH that leaves in_progress ends the claim in its one event", async () => {
			const { id, fence } = await claimedTask();
			const taken = await api.patch(id, { status: "open" }, { "claim-fence": "*" });
			expect(taskOf(taken)).toMatchObject({ status: "open", claimed_by: null, version: 3 });
			expect((await api.events(id)).map(({ type }) => type)).toEqual([
				"task.created",
				"task.claimed",
				"task.updated",
			]);
			for (const verb of ["heartbeat", "release", "complete"] as const) {
				expect(refused(await asAgent[verb](id, { fence }))).toEqual(lost);
			}
			const begun = await api.patch(id, { status: "in_progress" });
			expect(taskOf(begun).claimed_by).toBeNull();
			expect(refused(await asAgent.release(id, { fence }))).toEqual(lost);
		});

		test("checks the precondition, then Claim-Fence, then the body, then what the rows tell", async () => {
			const { id, fence } = await claimedTask();
			const bad = { "claim-fence": "x" };
			const all = { ...bad, "if-match": '"stale"' };
			expect(refused(await api.patch(newId(), { status: 1 }, all))).toEqual([404, "not_found"]);
			expect(refused(await api.patch(id, { status: 1 }, all))).toEqual([412, "precondition_failed"]);
			expect(refused(await api.patch(id, { status: 1 }, bad))).toEqual([400, "bad_request"]);
			expect(refused(await asAgent.patch(id, { status: 1 }, { "claim-fence": "*" }))).toEqual([
				403,
				"forbidden",
			]);
			expect(refused(await api.patch(id, { status: 1 }, { "claim-fence": `${fence + 1}` }))).toEqual(lost);
			expect(refused(await api.patch(id, { status: 1 }))).toEqual([422, "validation_error"]);
			expect(refused(await api.patch(id, { status: "done", due_at: "0000-99-99T00:00:00Z" }))).toEqual([
				422,
				"validation_error",
			]);
			expect(refused(await api.patch(id, { status: "done" }))).toEqual([409, "claimed"]);
		});

		test("every fault of a body is named, after the task was found", async () => {
			const { id, fence } = await claimedTask();
			const faults = { holder: "a\u0007b", lease_seconds: 0, wait_seconds: 31, label: "", more: 1 };
			const answer = await api.next(faults);
			expect([answer.status, paths(answer)?.sort()]).toEqual([
				422,
				["/holder", "/label", "/lease_seconds", "/more", "/wait_seconds"],
			]);
			for (const holder of ["", "x".repeat(101), "a\nb", "\u0085", "\ud800"]) {
				expect(paths(await api.claim(id, { holder }))).toEqual(["/holder"]);
			}
			expect(paths(await api.claim(id, { lease_seconds: 86_401, label: "l" }))?.sort()).toEqual([
				"/label",
				"/lease_seconds",
			]);
			for (const bad of [0, -1, 1.5, "1", null, 2 ** 53]) {
				expect(paths(await api.heartbeat(id, { fence: bad }))).toEqual(["/fence"]);
			}
			expect(paths(await api.release(id, { fence, status: "done", note: "a\nb" }))?.sort()).toEqual([
				"/note",
				"/status",
			]);
			const large = await api.complete(id, { fence: fence + 1, result: "x".repeat(64 * 1024 - 1) });
			expect([large.status, paths(large)]).toEqual([422, ["/result"]]);
			const many = { fence: "x", result: "x".repeat(64 * 1024), more: 1 };
			expect(paths(await api.complete(id, many))?.sort()).toEqual(["/fence", "/more", "/result"]);
			const malformed = { "idempotency-key": "a b" };
			expect(refused(await api.claim(id, {}, malformed))).toEqual([400, "bad_request"]);
			expect(refused(await api.claim(newId(), {}, malformed))).toEqual([404, "not_found"]);
			expect(refused(await api.complete(newId(), { fence: "x" }))).toEqual([404, "not_found"]);
			expect(refused(await api.heartbeat("x", {}))).toEqual([404, "not_found"]);
			expect((await api.complete(id, { fence, result: "x".repeat(64 * 1024 - 2) })).status).toBe(200);
			expect((await api.send(`GET /collab/tasks/${id}/result`)).text).toHaveLength(64 * 1024);
		});

		test("wants a credential that may write, and shows nothing to others", async () => {
			const { id, fence } = await claimedTask();
			const reader = await addMember(server, `reader-${newId()}@example.com`, "reader");
			const readOnly = await addToken(server, { scopes: ["tasks:read"] });
			for (const [path, body] of [
				["claim", {}],
				[`${id}/claim`, {}],
				[`${id}/heartbeat`, { fence }],
				[`${id}/release`, { fence }],
				[`${id}/complete`, { fence }],
			] as const) {
				const line = `POST /collab/tasks/${path}` as const;
				expect(refused(await ask(server, line, { body }))).toEqual([401, "unauthorized"]);
				for (const headers of [{ authorization: reader }, bearer(readOnly)]) {
					expect(refused(await ask(server, line, { body, headers }))).toEqual([403, "forbidden"]);
				}
				const space = `POST /spaces/nowhere/collab/tasks/${path}` as const;
				expect(refused(await ask(server, space, { body, headers: bearer(agent) }))).toEqual([
					404,
					"not_found",
				]);
			}
			expect((await asAgent.heartbeat(id, { fence })).status).toBe(200);
		});

		test("lists the claims that last, oldest first, with the fence for who took them alone", async () => {
			const holder = `holder-${newId()}`;
			const made = await Promise.all([1, 2, 3].map(() => api.create()));
			const ids = made.map(({ id }) => id);
			const fences: number[] = [];
			for (const id of ids) fences.push(claimOf(await asAgent.claim(id, { holder })).claim.fence);
			const own = await asAgent.list(`?holder=${holder}`);
			expect(own.headers.get("cache-control")).toBe("no-store");
			expect(listOf(own).items.map(({ task, fence, actor }) => [task, fence, actor])).toEqual(
				ids.map((id, index) => [id, fences[index], `token/${agent.id}`]),
			);
			const { items, now } = listOf(own);
			expect(items.every(({ claimed_at, expires_at }) => claimed_at <= now && expires_at > now)).toBe(true);
			for (const headers of [{}, { authorization: server.bearer }, inKey(await addToken(server))]) {
				const seen = listOf(await ask(server, `GET /collab/claims?holder=${holder}`, { headers }));
				expect(seen.items.map((item) => [item.task, "fence" in item])).toEqual(ids.map((id) => [id, false]));
			}
			const mine = listOf(await asAgent.list(`?mine=true&holder=${holder}&limit=2`));
			expect(mine.items.map(({ task }) => task)).toEqual(ids.slice(0, 2));
			const cursor = mine.next_cursor ?? "";
			const rest = listOf(await asAgent.list(`?mine=true&holder=${holder}&cursor=${cursor}`));
			expect([rest.items.map(({ task }) => task), rest.next_cursor]).toEqual([ids.slice(2), undefined]);
			expect(paths(await asAgent.list(`?holder=${holder}&cursor=${cursor}`))).toEqual(["/cursor"]);
			expect(listOf(await api.list(`?mine=true&holder=${holder}`)).items).toEqual([]);
			await asAgent.complete(ids[0] ?? "", { fence: fences[0] });
			expect(listOf(await asAgent.list(`?task=${ids[0]}`)).items).toEqual([]);
			expect(listOf(await asAgent.list(`?task=${ids[1]}`)).items).toHaveLength(1);
			expect(listOf(await asAgent.list("?task=none&holder=")).items).toEqual([]);
		});

		test("looks at the credential of a list of claims, which may be left out", async () => {
			const wrong = { authorization: "Bearer orc_wrong" };
			expect(refused(await ask(server, "GET /collab/claims", { headers: wrong }))).toEqual([
				401,
				"unauthorized",
			]);
			expect((await ask(server, "GET /collab/state/tasks", { headers: wrong })).status).toBe(200);
			for (const query of ["mine=true", "mine=true&limit=0", "mine=x"]) {
				expect(refused(await ask(server, `GET /collab/claims?${query}`))).toEqual([401, "unauthorized"]);
			}
			expect(
				refused(await ask(server, "GET /collab/claims", { headers: { "x-api-key": "orc_no" } })),
			).toEqual([403, "forbidden"]);
			expect(paths(await api.list("?mine=false&limit=0&more=1"))?.sort()).toEqual([
				"/limit",
				"/mine",
				"/more",
			]);
			expect(paths(await api.list("?holder=a&holder=b"))).toEqual(["/holder"]);
			expect(paths(await api.list("?holder=%00"))).toEqual(["/holder"]);
		});

		test("a user's claims are one's own under every login, and outlive the user", async () => {
			const email = `leaving-${newId()}@example.com`;
			const authorization = await addUser(server.storage, server.url, email);
			const leaving = claimsOf(server, { authorization });
			const { id } = await api.create();
			const { fence, holder } = claimOf(await leaving.claim(id, { lease_seconds: 60 })).claim;
			expect(holder).toBe(email.replace(/@.*/, ""));
			const label = newLabel();
			const waiting = leaving.next({ label, wait_seconds: 20 });
			await Bun.sleep(100);
			await usersOf(server.storage).remove(email);
			const startedAt = performance.now();
			expect((await waiting).status).toBe(204);
			expect(performance.now() - startedAt).toBeLessThan(7000);
			expect(refused(await leaving.heartbeat(id, { fence }))).toEqual([401, "unauthorized"]);
			expect(await api.get(id)).toMatchObject({ status: "in_progress", claimed_by: holder });
			// A fence is a proof of being the newest, not a password.
			expect((await api.release(id, { fence })).status).toBe(200);
		});
	});
}

describe("limits of those who do tasks", () => {
	test("any valid credential claims as a worker does, and is counted so", async () => {
		const server = await startServer({
			DATABASE_URL: "sqlite://:memory:",
			RATE_LIMIT: "2/minute",
			USER_RATE_LIMIT: "2/minute",
			WORKER_RATE_LIMIT: "20/minute",
		});
		const api = claimsOf(server);
		for (let count = 0; count < 5; count++) {
			const answer = await api.next();
			expect([answer.status, answer.headers.get("ratelimit-policy")]).toEqual([204, '"worker";q=20;w=60']);
		}
		for (const verb of ["claim", "heartbeat", "release", "complete"]) {
			const { headers } = await api.send(`POST /collab/tasks/${newId()}/${verb}`, { fence: 1 });
			expect(headers.get("ratelimit-policy")).toBe('"worker";q=20;w=60');
		}
		const stranger = await ask(server, "POST /collab/tasks/claim", { body: {} });
		expect(stranger.headers.get("ratelimit-policy")).toBe('"default";q=2;w=60');
		expect((await api.send("GET /collab/claims")).headers.get("ratelimit-policy")).toBe('"user";q=2;w=60');
	});
});

for (const { name, newUrl } of durableDatabases) {
	test(`a repeat at another server gets the claim that the first one has made meanwhile, on ${name}`, async () => {
		const env = { DATABASE_URL: await newUrl() };
		const [here, there] = [await startServer(env), await startServer(env)];
		const headers = bearer(await addToken(here, { name: "agent" }));
		const [first, second] = [claimsOf(here, headers), claimsOf(there, headers)];
		const [label, key] = [`label-${newId()}`, { "idempotency-key": newId() }];
		const claiming = first.next({ label, wait_seconds: 20 }, key);
		await Bun.sleep(50);
		const repeating = second.next({ label, wait_seconds: 1 }, key);
		await Bun.sleep(50);
		await claimsOf(here).create({ labels: [label] });
		const [made, repeated] = await Promise.all([claiming, repeating]);
		expect([made.status, repeated.status, repeated.text]).toEqual([200, 200, made.text]);
	});
}
