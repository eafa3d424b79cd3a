import { describe, expect, test } from "bun:test";
import { sha256 } from "../../src/kernel/canonical.ts";
import { newId } from "../../src/kernel/ids.ts";
import { type Answer, errorOf } from "../support/ask.ts";
import { claimOf, claimsOf, taskOf } from "../support/claims.ts";
import { everyDatabase } from "../support/databases.ts";
import { startServer } from "../support/server.ts";
import { addToken, bearer } from "../support/tokens.ts";

const refused = (answer: Answer) => [answer.status, errorOf(answer).type];
const lost = [409, "lease_lost"];

for (const { name, newUrl } of everyDatabase) {
	describe(`claims on ${name}`, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });
		const api = claimsOf(server);
		const agent = await addToken(server, { name: "agent-1" });
		const asAgent = claimsOf(server, bearer(agent));
		/** A label that no other test has. */
		const newLabel = () => `label-${newId()}`;

		test("claims a task, does it, and keeps its result", async () => {
			const { id } = await api.create();
			const answer = await asAgent.claim(id, { lease_seconds: 60 });
			const { claim, task } = claimOf(answer);
			expect(answer.status).toBe(200);
			expect(Object.keys(claim)).toEqual(["expires_at", "fence", "holder"]);
			expect(claim.holder).toBe("agent-1");
			expect(task).toMatchObject({ id, status: "in_progress", claimed_by: "agent-1", version: 2 });
			expect(task.status_since).toBe(task.updated_at);
			const body = (await api.send(`GET /collab/tasks/${id}`)).text;
			expect(answer.text).toEndWith(`"task":${body}}`);
			expect(answer.headers.get("etag")).toBe(`"${sha256(body)}"`);
			const { fence } = claim;

			const renewed = await api.heartbeat(id, { fence, lease_seconds: 3600 });
			expect(renewed.json).toEqual({ expires_at: expect.any(String), fence, holder: "agent-1" });
			expect((renewed.json as typeof claim).expires_at > claim.expires_at).toBe(true);
			expect((await api.get(id)).version).toBe(2);

			expect((await api.send(`GET /collab/tasks/${id}/result`)).status).toBe(404);
			const done = await api.complete(id, { fence, note: "As agreed", result: { b: 1, a: [null] } });
			expect(taskOf(done)).toMatchObject({
				status: "done",
				claimed_by: null,
				note: { by: "agent-1", text: "As agreed" },
				version: 3,
			});
			expect(done.headers.get("etag")).toBe(`"${sha256(done.text)}"`);
			const result = await api.send(`GET /collab/tasks/${id}/result`);
			expect(result.text).toBe('{"a":[null],"b":1}');
			expect(result.headers.get("etag")).toBe(`"${sha256(result.text)}"`);

			const events = await api.events(id);
			expect(events.map(({ type, ready }) => [type, ready])).toEqual([
				["task.created", true],
				["task.claimed", false],
				["task.completed", false],
			]);
			expect(events[1]).toMatchObject({ actor: `token/${agent.id}`, expiresat: claim.expires_at });
			expect(events[1]?.data).toEqual(task);
			expect(events[2]?.data).toEqual(taskOf(done));
		});

		test("a repeat of what counted gives the task as it is, until the next claim", async () => {
			const { id } = await api.create();
			const { fence } = claimOf(await asAgent.claim(id)).claim;
			const first = await asAgent.complete(id, { fence, result: 1 });
			await api.patch(id, { title: "renamed" });
			const again = await asAgent.complete(id, { fence, result: 2, note: "Other" });
			expect(taskOf(again)).toMatchObject({ title: "renamed", status: "done", note: null });
			expect((await api.send(`GET /collab/tasks/${id}/result`)).text).toBe("1");
			expect(refused(await asAgent.release(id, { fence }))).toEqual(lost);
			expect(refused(await asAgent.heartbeat(id, { fence }))).toEqual(lost);
			await api.patch(id, { status: "open" });
			expect((await asAgent.complete(id, { fence })).status).toBe(200);
			const second = claimOf(await asAgent.claim(id)).claim;
			expect(second.fence).toBeGreaterThan(fence);
			expect(refused(await asAgent.complete(id, { fence }))).toEqual(lost);
			expect(first.status).toBe(200);
			const types = (await api.events(id)).map(({ type }) => type);
			expect(types.filter((type) => type === "task.completed")).toHaveLength(1);
		});

		test("gives a task back, for anybody or for a person", async () => {
			const { id } = await api.create();
			const one = claimOf(await asAgent.claim(id)).claim;
			const open = await asAgent.release(id, { fence: one.fence });
			expect(taskOf(open)).toMatchObject({ status: "open", claimed_by: null, note: null });
			const two = claimOf(await asAgent.claim(id, { holder: "other" })).claim;
			const waiting = await asAgent.release(id, {
				fence: two.fence,
				status: "waiting",
				note: "Which of them?",
			});
			expect(taskOf(waiting)).toMatchObject({
				status: "waiting",
				note: { by: "other", text: "Which of them?" },
			});
			expect((await asAgent.release(id, { fence: two.fence })).text).toBe(waiting.text);
			expect((await api.events(id)).filter(({ type }) => type === "task.released")).toMatchObject([
				{ reason: "released", ready: true, actor: `token/${agent.id}` },
				{ reason: "released", ready: false },
			]);
		});

		test("a claim is refused as claimed, then by the status, then by what blocks the task", async () => {
			const blocker = await api.create();
			const finished = await api.create({ status: "done" });
			const other = await api.create();
			const blockedBy = [blocker.id, finished.id, other.id].sort();
			const { id } = await api.create({ blocked_by: blockedBy });
			const answer = await api.claim(id);
			expect(refused(answer)).toEqual([409, "blocked"]);
			expect(errorOf(answer).details).toEqual(
				[blocker.id, other.id]
					.map((one) => blockedBy.indexOf(one))
					.sort()
					.map((index) => ({ message: "is not finished", path: `/blocked_by/${index}` })),
			);
			await api.patch(id, { status: "waiting" });
			expect(refused(await api.claim(id))).toEqual([409, "conflict"]);
			await api.patch(id, { status: "cancelled" });
			expect(refused(await api.claim(id))).toEqual([409, "conflict"]);
			const free = await api.create();
			const { fence } = claimOf(await api.claim(free.id)).claim;
			await api.patch(free.id, { blocked_by: [blocker.id] });
			expect(refused(await api.claim(free.id))).toEqual([409, "claimed"]);
			expect(refused(await api.claim(newId()))).toEqual([404, "not_found"]);
			expect(refused(await api.claim("no-id"))).toEqual([404, "not_found"]);
			// Whatever blocks it.
			expect(taskOf(await api.complete(free.id, { fence })).status).toBe("done");
		});

		test("claims a deferred task, and one in progress that nobody has claimed, whoever its assignee", async () => {
			const deferred = await api.create({ defer_until: "2999-01-01T00:00:00.000Z", assignee: "somebody" });
			expect((await api.claim(deferred.id)).status).toBe(200);
			const begun = await api.create({ status: "in_progress", note: "Halfway" });
			const { task } = claimOf(await api.claim(begun.id, { holder: "h" }));
			expect(task).toMatchObject({
				claimed_by: "h",
				note: { text: "Halfway" },
				status_since: begun.status_since,
			});
		});

		test("of two racing claims of one task, one is refused", async () => {
			const { id } = await api.create();
			const answers = await Promise.all([api.claim(id), asAgent.claim(id), api.claim(id), asAgent.claim(id)]);
			expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
		});

		test("the first ready task is by priority, rank and age, and for the holder", async () => {
			const label = newLabel();
			const made = [];
			for (const fields of [
				{ priority: 0, rank: "b" },
				{ priority: 5, rank: "b" },
				{ priority: 5, rank: "a" },
				{ priority: 5, rank: "a" },
				{ priority: 9, assignee: "somebody" },
				{ priority: 7, assignee: "me" },
				{ priority: 9, status: "waiting" },
			]) {
				made.push((await api.create({ labels: [label], ...fields })).id);
			}
			const order: string[] = [];
			for (;;) {
				const answer = await api.next({ label, holder: "me" });
				if (answer.status === 204) break;
				order.push(claimOf(answer).task.id);
			}
			expect(order).toEqual([made[5], made[2], made[3], made[1], made[0]] as string[]);
			const none = await api.next({ label, holder: "me" });
			expect([none.text, none.headers.get("content-type")]).toEqual(["", null]);
			expect(claimOf(await api.next({ label, holder: "somebody" })).task.id).toBe(made[4] ?? "");
		});

		test("many claims at once get as many different tasks", async () => {
			const label = newLabel();
			const tasks = Array.from({ length: 20 }, (_, n) => ({ title: `${n}`, labels: [label] }));
			await api.send("POST /collab/tasks/batch", { tasks });
			const answers = await Promise.all(
				Array.from({ length: 30 }, (_, n) => api.next({ label, holder: `agent-${n % 7}` })),
			);
			const claimed = answers.filter(({ status }) => status === 200).map((answer) => claimOf(answer).task.id);
			expect([claimed.length, new Set(claimed).size]).toEqual([20, 20]);
		});

		test("a waiting claim is answered as soon as a task is ready, first come, first served", async () => {
			const label = newLabel();
			const blocker = await api.create();
			const blocked = await api.create({ labels: [label], blocked_by: [blocker.id] });
			const answered: string[] = [];
			async function wait(holder: string): Promise<Answer> {
				const answer = await api.next({ label, holder, wait_seconds: 20 });
				answered.push(holder);
				return answer;
			}
			const first = wait("first");
			await Bun.sleep(50);
			const second = wait("second");
			await Bun.sleep(50);
			await api.patch(blocker.id, { status: "done" });
			expect(claimOf(await first).task.id).toBe(blocked.id);
			const late = await api.create({ labels: [label] });
			expect(claimOf(await second).task.id).toBe(late.id);
			expect(answered).toEqual(["first", "second"]);
		});

		test("a wait ends without a task, and who has gone away takes none", async () => {
			const label = newLabel();
			const startedAt = performance.now();
			expect((await api.next({ label, wait_seconds: 0.3 })).status).toBe(204);
			expect(performance.now() - startedAt).toBeGreaterThan(290);
			const leaving = new AbortController();
			const gone = fetch(`${server.url}/collab/tasks/claim`, {
				method: "POST",
				headers: { "content-type": "application/json", authorization: server.bearer },
				body: JSON.stringify({ label, wait_seconds: 20 }),
				signal: leaving.signal,
			}).catch(() => "gone");
			await Bun.sleep(100);
			leaving.abort();
			expect(await gone).toBe("gone");
			await Bun.sleep(100);
			const { id } = await api.create({ labels: [label] });
			await Bun.sleep(100);
			expect(await api.get(id)).toMatchObject({ status: "open", claimed_by: null });
		});

		test("a claim that runs out is put back, and its fence is lost then", async () => {
			const { id } = await api.create({ note: "n" });
			const { fence } = claimOf(await asAgent.claim(id, { lease_seconds: 1 })).claim;
			const deadline = performance.now() + 4000;
			while ((await api.get(id)).status !== "open" && performance.now() < deadline) await Bun.sleep(50);
			expect(await api.get(id)).toMatchObject({ status: "open", claimed_by: null, note: null, version: 3 });
			for (const verb of ["heartbeat", "release", "complete"] as const) {
				expect(refused(await asAgent[verb](id, { fence }))).toEqual(lost);
			}
			expect((await api.events(id)).at(-1)).toMatchObject({
				type: "task.released",
				reason: "expired",
				actor: "system",
				ready: true,
			});
			expect(claimOf(await api.claim(id)).claim.fence).toBeGreaterThan(fence);
		});
	});
}
