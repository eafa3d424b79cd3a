import { describe, expect, test } from "bun:test";
import type { EventRow } from "../../src/events/store.ts";
import { jobBody } from "../../src/jobs/representation.ts";
import {
	type ChangedJob,
	type JobDraft,
	type JobRow,
	type JobState,
	jobStates,
} from "../../src/jobs/store.ts";
import { canonical } from "../../src/kernel/canonical.ts";
import { timestamp } from "../../src/kernel/clock.ts";
import { eventTypes } from "../../src/kernel/event-draft.ts";
import { newId } from "../../src/kernel/ids.ts";
import type { TestStorage } from "../support/storage.ts";

const context = { actor: "key/0123456789ab", requestId: "r1", space: 1 } as const;

interface LeasedBody {
	readonly id: string;
	readonly attempt: number;
	readonly state: JobState;
	readonly error?: string;
	readonly run_at: string;
	readonly updated_at: string;
	readonly lease: { readonly fence: number; readonly worker: string; readonly expires_at: string };
}

/** The code of the error that a change throws. */
async function errorCode(change: Promise<unknown>): Promise<unknown> {
	try {
		await change;
	} catch (error) {
		return (error as { code?: unknown }).code;
	}
	throw new Error("not refused");
}

const bodyOf = ({ body }: ChangedJob) => JSON.parse(body) as LeasedBody;

/** The contract of jobs on every database. `open` returns an empty storage. */
export function jobStoreContract(open: () => Promise<TestStorage>): void {
	async function opened() {
		const storage = await open();
		const { jobs, events } = storage;

		function enqueue(draft: Partial<JobDraft> = {}) {
			return jobs.enqueue({ id: newId(), job: draftOf(draft), idempotent: undefined, context });
		}

		function lease(
			more: { queues?: readonly string[]; limit?: number; seconds?: number; worker?: string } = {},
		) {
			const { queues = ["default"], limit = 1, seconds = 60, worker = "w" } = more;
			return jobs.lease({ worker, queues, limit, leaseSeconds: seconds, context });
		}

		/** Enqueues a job and leases it. */
		async function leasedJob(draft: Partial<JobDraft> = {}, seconds = 60) {
			const { id } = await enqueue(draft);
			const [job] = await lease({ queues: [draft.queue ?? "default"], seconds });
			expect(job?.id).toBe(id);
			return { id, fence: (await row(id)).fence, context };
		}

		async function row(id: string): Promise<JobRow> {
			const found = await jobs.find(1, id);
			if (found === undefined) throw new Error(`no job ${id}`);
			return found;
		}

		async function log(): Promise<readonly Pick<EventRow, "type" | "subject" | "data" | "actor">[]> {
			const { rows } = await events.read({
				space: "every",
				after: 0,
				types: eventTypes,
				limit: 1000,
				bytesMax: 1e9,
			});
			return rows.map(({ type, subject, data, actor }) => ({ type, subject, data, actor }));
		}

		const typesOf = async () => (await log()).map(({ type }) => type);
		const fail = { error: "broken", retry: true, retryInSeconds: undefined, context };

		/** Sweeps until the job is in this state, which takes until its time on the database's clock. */
		async function sweptTo(id: string, state: JobState): Promise<JobRow> {
			for (;;) {
				await jobs.sweep({ actor: "system", requestId: "sweep" }, 100);
				const job = await row(id);
				if (job.state === state) return job;
				await Bun.sleep(Math.max(1, Math.min((await jobs.dueInMs()) ?? 20, 50)));
			}
		}

		return { storage, jobs, enqueue, lease, leasedJob, row, log, typesOf, fail, sweptTo };
	}

	describe("jobs", () => {
		test("a job's body is canonical in every state, and so are its events", async () => {
			const { enqueue, lease, jobs, row, log, fail } = await opened();
			const odd = canonical({
				"\u20ac": 1,
				"\r": [1e21, -0, 0.1],
				'quote"\\': "\u2028</script>😀",
				__proto__: 1,
			});
			const { id, body } = await enqueue({ payload: odd, kind: 'a b"c', queue: "é", maxAttempts: 3 });
			expect(JSON.parse(body)).toEqual({
				attempt: 0,
				created_at: expect.any(String),
				id,
				kind: 'a b"c',
				max_attempts: 3,
				payload: JSON.parse(odd),
				priority: 0,
				queue: "é",
				run_at: expect.any(String),
				state: "queued",
				updated_at: expect.any(String),
			});
			expect(body).toContain(`"payload":${odd}`);
			await lease({ queues: ["é"], worker: 'w"1' });
			await jobs.heartbeat({ id, fence: 1, leaseSeconds: undefined, progress: 12.5, context });
			expect(jobBody(await row(id))).toContain('"progress":12.5');
			await jobs.fail({ ...fail, id, fence: 1, error: "a\nb", retryInSeconds: 0 });
			await lease({ queues: ["é"] });
			const last = await jobs.complete({ id, fence: 2, result: odd, context });
			expect(last.body).toContain(`"result":${odd}`);
			expect(jobBody(await row(id))).toBe(last.body);
			const events = await log();
			expect(events.map(({ type }) => type)).toEqual([
				"job.enqueued",
				"job.leased",
				"job.retrying",
				"job.leased",
				"job.succeeded",
			]);
			for (const { data, subject } of events) {
				expect(subject).toBe(`/jobs/${id}`);
				expect(canonical(JSON.parse(data))).toBe(data);
			}
			expect(events[0]?.data).toBe(body);
			expect(events[4]?.data).toBe(last.body);
		});

		test("very deep JSON is stored and returned unchanged", async () => {
			const { enqueue, lease, jobs } = await opened();
			const deep = "[".repeat(100_000) + "]".repeat(100_000);
			const { id, body } = await enqueue({ payload: deep });
			expect(body).toContain(deep);
			expect((await lease())[0]?.body).toContain(deep);
			expect((await jobs.complete({ id, fence: 1, result: deep, context })).body).toContain(
				`"result":${deep}`,
			);
		});

		test("a lease beside a cancel of the first job in the same group gets the second one", async () => {
			const { jobs, enqueue, lease } = await opened();
			const first = await enqueue();
			const second = await enqueue();
			const [, leased] = await Promise.all([jobs.cancel({ id: first.id, context }), lease()]);
			expect(leased.map(({ id }) => id)).toEqual([second.id]);
		});

		test("leases are ordered by priority, then run_at, then id, over several queues", async () => {
			const { enqueue, lease } = await opened();
			const past = Date.now() - 60_000;
			const made: string[] = [];
			for (const [queue, priority, runAt] of [
				["a", 0, past + 2],
				["b", 0, past + 1],
				["a", 5, past + 9],
				["b", -1, past],
				["a", 0, past + 1],
				["c", 100, past],
				["b", 5, past + 8],
			] as const) {
				made.push((await enqueue({ queue, priority, runAt })).id);
			}
			const order = [6, 2, 1, 4, 0, 3].map((index) => made[index] ?? "");
			const first = await lease({ queues: ["a", "b", "a"], limit: 2 });
			const rest = await lease({ queues: ["b", "a"], limit: 100 });
			expect([...first, ...rest].map(({ id }) => id)).toEqual(order);
			expect(await lease({ queues: ["a", "b"] })).toEqual([]);
			expect((await lease({ queues: ["c"] })).map(({ id }) => id)).toEqual([made[5] ?? ""]);
		});

		test("concurrent leases get different jobs, each for one worker, in lease order", async () => {
			const { jobs, lease } = await opened();
			const batch = Array.from({ length: 100 }, (_, index) => ({
				id: newId(),
				job: draftOf({ queue: index % 2 === 0 ? "even" : "odd" }),
			}));
			await jobs.enqueueBatch({ jobs: batch, idempotent: undefined, context });
			const leased = await Promise.all(
				Array.from({ length: 40 }, (_, index) =>
					lease({ limit: 3, queues: index % 3 === 0 ? ["even"] : ["odd", "even"], worker: `w${index}` }),
				),
			);
			const ids = leased.flat().map(({ id }) => id);
			expect(new Set(ids).size).toBe(100);
			expect(ids).toHaveLength(100);
			expect(leased[0]?.map(({ id }) => id)).toEqual([0, 2, 4].map((index) => batch[index]?.id ?? ""));
		});

		test("a job enqueued, leased and completed in one group is one job", async () => {
			const { jobs, lease, typesOf, row } = await opened();
			const id = newId();
			const [, leased, done] = await Promise.all([
				jobs.enqueue({ id, job: draftOf({}), idempotent: undefined, context }),
				lease(),
				jobs.complete({ id, fence: 1, result: undefined, context }),
			]);
			expect(leased.map((job) => job.id)).toEqual([id]);
			expect(done.state).toBe("succeeded");
			expect(await typesOf()).toEqual(["job.enqueued", "job.leased", "job.succeeded"]);
			expect(await row(id)).toMatchObject({ state: "succeeded", fence: 1, settledFence: 1, worker: null });
		});

		test("an old, a foreign and a future fence are lease_lost and change nothing", async () => {
			const { leasedJob, lease, jobs, row, log, fail } = await opened();
			const { id } = await leasedJob();
			await jobs.fail({ ...fail, id, fence: 1, retryInSeconds: 0 });
			await lease();
			const before = await row(id);
			const events = (await log()).length;
			for (const fence of [0, 1, 3, 2 ** 53 - 1]) {
				const asked = { id, fence, context };
				for (const stale of [
					() => jobs.heartbeat({ ...asked, leaseSeconds: 3600, progress: 1 }),
					() => jobs.complete({ ...asked, result: "1" }),
					() => jobs.fail({ ...asked, ...fail }),
				]) {
					expect(await errorCode(stale())).toBe("lease_lost");
				}
			}
			expect(await row(id)).toEqual(before);
			expect(await log()).toHaveLength(events);
			expect((await jobs.complete({ id, fence: 2, result: "1", context })).state).toBe("succeeded");
		});

		test("of many completes and fails with one fence one counts; its repeats get the same result, the others lease_lost", async () => {
			const { leasedJob, jobs, typesOf, fail } = await opened();
			const asked = await leasedJob();
			const results = await Promise.allSettled([
				...Array.from({ length: 5 }, () => jobs.complete({ ...asked, result: '"done"' })),
				...Array.from({ length: 5 }, () => jobs.fail({ ...asked, ...fail })),
			]);
			const bodies = results.flatMap((result) => (result.status === "fulfilled" ? [result.value.body] : []));
			const refused = results.flatMap((result) => (result.status === "rejected" ? [result.reason.code] : []));
			expect(bodies).toHaveLength(5);
			expect(new Set(bodies).size).toBe(1);
			expect(refused).toEqual(Array.from({ length: 5 }, () => "lease_lost"));
			expect(await typesOf()).toEqual(["job.enqueued", "job.leased", "job.succeeded"]);
		});

		test("a repeated fail gets the same result, also when the job is due again, until it is leased again", async () => {
			const { leasedJob, jobs, sweptTo, lease, fail, row } = await opened();
			const asked = await leasedJob();
			const first = await jobs.fail({ ...fail, ...asked, retryInSeconds: 0.05 });
			expect(first.state).toBe("scheduled");
			const due = await sweptTo(asked.id, "queued");
			expect((await jobs.fail({ ...fail, ...asked })).body).toBe(first.body);
			expect(await row(asked.id)).toEqual(due);
			await lease();
			expect(await errorCode(jobs.fail({ ...fail, ...asked }))).toBe("lease_lost");
		});

		test("a failed job waits 2^attempt seconds ± 20 %, or as long as requested, and keeps the error", async () => {
			const { enqueue, lease, jobs, row, fail } = await opened();
			for (let round = 0; round < 8; round++) {
				const { id } = await enqueue({ queue: `q${round}` });
				for (let attempt = 1; attempt <= 2; attempt++) {
					await lease({ queues: [`q${round}`] });
					const retryInSeconds = attempt === 1 && round > 3 ? 0 : undefined;
					await jobs.fail({ ...fail, id, fence: attempt, error: `e${attempt}`, retryInSeconds });
					const job = await row(id);
					expect(job).toMatchObject({ attempt, error: `e${attempt}`, worker: null, leaseExpiresAt: null });
					const waitMs = job.runAt - job.updatedAt;
					expect(job.state).toBe(waitMs > 0 ? "scheduled" : "queued");
					if (retryInSeconds !== undefined) expect(waitMs).toBe(0);
					else expect(Math.abs(waitMs / (2 ** attempt * 1000) - 1)).toBeLessThanOrEqual(0.2);
					if (waitMs > 0) break;
				}
			}
			const { id } = await enqueue({ queue: "q" });
			await lease({ queues: ["q"] });
			await jobs.fail({ ...fail, id, fence: 1, retryInSeconds: 86_400 });
			const job = await row(id);
			expect(job.runAt - job.updatedAt).toBe(86_400_000);
			expect(await lease({ queues: ["q"] })).toEqual([]);
		});

		test("a job is dead after its last attempt, or at once without retry, and a repeat gets the same result", async () => {
			const { leasedJob, jobs, typesOf, fail } = await opened();
			const last = await leasedJob({ maxAttempts: 1 });
			const dead = await jobs.fail({ ...fail, ...last });
			expect(bodyOf(dead)).toMatchObject({ state: "dead", error: "broken", attempt: 1 });
			expect((await jobs.fail({ ...fail, ...last })).body).toBe(dead.body);
			const given = await leasedJob();
			expect((await jobs.fail({ ...fail, ...given, retry: false })).state).toBe("dead");
			expect((await typesOf()).filter((type) => type === "job.dead")).toHaveLength(2);
		});

		test("an expired lease requeues the job at once and keeps the attempt; the fence is valid until then", async () => {
			const { leasedJob, jobs, lease, row, log, sweptTo } = await opened();
			const asked = await leasedJob({}, 0);
			const { leaseExpiresAt } = await row(asked.id);
			while (((await jobs.dueInMs()) ?? 1) > 0) await Bun.sleep(5);
			// Expired but not requeued yet: the fence is still valid.
			await jobs.heartbeat({ ...asked, leaseSeconds: 1, progress: undefined });
			expect((await row(asked.id)).leaseExpiresAt).toBeGreaterThan(leaseExpiresAt ?? 0);
			expect((await jobs.sweep({ actor: "system", requestId: "sweep" }, 100)).ready).toEqual([]);
			const back = await sweptTo(asked.id, "queued");
			expect(back).toMatchObject({ attempt: 1, fence: 1, worker: null, error: "The lease ran out." });
			expect(await errorCode(jobs.complete({ ...asked, result: undefined }))).toBe("lease_lost");
			expect(await lease()).toHaveLength(1);
			expect(await row(asked.id)).toMatchObject({ attempt: 2, fence: 2 });
			expect((await log()).map(({ type, actor }) => [type, actor])).toEqual([
				["job.enqueued", context.actor],
				["job.leased", context.actor],
				["job.retrying", "system"],
				["job.leased", context.actor],
			]);
		});

		test("a lease that expires on the last attempt leaves the job dead, and its fence is lost", async () => {
			const { leasedJob, jobs, sweptTo, fail, typesOf } = await opened();
			const asked = await leasedJob({ maxAttempts: 1 }, 0);
			await sweptTo(asked.id, "dead");
			expect(await errorCode(jobs.fail({ ...fail, ...asked }))).toBe("lease_lost");
			expect(await typesOf()).toEqual(["job.enqueued", "job.leased", "job.dead"]);
		});

		test("concurrent sweeps requeue a job once", async () => {
			const { leasedJob, jobs, typesOf } = await opened();
			await leasedJob({}, 0);
			const swept = await Promise.all(
				Array.from({ length: 5 }, () => jobs.sweep({ actor: "system", requestId: "sweep" }, 100)),
			);
			expect(swept.flatMap(({ ready }) => [...ready])).toEqual([{ space: 1, queue: "default", count: 1 }]);
			expect(await typesOf()).toEqual(["job.enqueued", "job.leased", "job.retrying"]);
		});

		test("a scheduled job is leased when it is due, swept or not, and never before", async () => {
			const { enqueue, lease, jobs, row, sweptTo, typesOf } = await opened();
			const soon = await enqueue({ runAt: Date.now() + 200 });
			expect(soon.state).toBe("scheduled");
			const later = await enqueue({ runAt: Date.now() + 300, queue: "later" });
			expect(await lease()).toEqual([]);
			while (((await jobs.dueInMs()) ?? 0) > 0) await Bun.sleep(10);
			const [leased] = await lease();
			expect(leased?.id).toBe(soon.id);
			const job = await row(soon.id);
			expect(job.updatedAt).toBeGreaterThanOrEqual(job.runAt);
			const due = await sweptTo(later.id, "queued");
			expect(due.updatedAt).toBe(due.createdAt);
			expect((await typesOf()).filter((type) => type === "job.retrying")).toEqual([]);
		});

		test("while a job with the same unique_key is unfinished, enqueueing returns it, only in its queue", async () => {
			const { enqueue, leasedJob, jobs, fail, typesOf } = await opened();
			const twins = await Promise.all([
				enqueue({ uniqueKey: "k", kind: "first" }),
				enqueue({ uniqueKey: "k", kind: "second" }),
				enqueue({ uniqueKey: "k", queue: "other" }),
				enqueue({ uniqueKey: "other" }),
			]);
			expect(twins.map(({ isNew }) => isNew)).toEqual([true, false, true, true]);
			expect(twins[1]?.body).toBe(twins[0]?.body ?? "");
			const { jobs: batch } = await jobs.enqueueBatch({
				idempotent: undefined,
				context,
				jobs: ["k", "new", "new"].map((uniqueKey) => ({ id: newId(), job: draftOf({ uniqueKey }) })),
			});
			expect(batch[0]?.id).toBe(twins[0]?.id ?? "");
			expect(batch[1]?.id).toBe(batch[2]?.id ?? "");
			expect(await typesOf()).toHaveLength(4);

			const asked = await leasedJob({ queue: "u", uniqueKey: "k" });
			expect((await enqueue({ queue: "u", uniqueKey: "k" })).state).toBe("leased");
			await jobs.fail({ ...fail, ...asked, retry: false });
			const next = await enqueue({ queue: "u", uniqueKey: "k" });
			expect(next.isNew).toBe(true);
			expect(await errorCode(jobs.retry(asked))).toBe("conflict");
			await jobs.cancel({ id: next.id, context });
			expect((await jobs.retry(asked)).state).toBe("queued");
			expect(await errorCode(jobs.retry({ id: next.id, context }))).toBe("conflict");
		});

		test("an idempotent enqueue is done once and replayed unchanged, also if it returned an unfinished job", async () => {
			const { storage, enqueue, lease } = await opened();
			const twin = await enqueue({ uniqueKey: "k" });
			const ask = (key: string, requestHash = "h") =>
				storage.jobs.enqueue({
					id: newId(),
					job: draftOf(key === "twin" ? { uniqueKey: "k" } : {}),
					idempotent: { scope: "key POST /jobs", key, requestHash },
					context,
				});
			const made = await Promise.all([ask("a"), ask("a"), ask("a")]);
			expect(made.map(({ replayed }) => replayed)).toEqual([false, true, true]);
			expect(new Set(made.map(({ body }) => body)).size).toBe(1);
			expect(made.map(({ isNew }) => isNew)).toEqual([true, true, true]);
			await ask("twin");
			await lease({ limit: 10 });
			expect(await ask("twin")).toMatchObject({ id: twin.id, body: twin.body, isNew: false, replayed: true });
			expect(await errorCode(ask("a", "other"))).toBe("idempotency_mismatch");
		});

		test("a job can be cancelled in any state that is not final, and its fence is lost", async () => {
			const { enqueue, leasedJob, jobs, lease, typesOf } = await opened();
			const queued = await enqueue();
			expect((await jobs.cancel({ id: queued.id, context })).state).toBe("cancelled");
			const scheduled = await enqueue({ runAt: Date.now() + 60_000 });
			expect((await jobs.cancel({ id: scheduled.id, context })).state).toBe("cancelled");
			const asked = await leasedJob();
			expect(bodyOf(await jobs.cancel(asked)).lease).toBeUndefined();
			expect(await errorCode(jobs.complete({ ...asked, result: undefined }))).toBe("lease_lost");
			expect(await errorCode(jobs.cancel(asked))).toBe("conflict");
			expect(await lease({ limit: 10 })).toEqual([]);
			const again = await jobs.retry(asked);
			expect(bodyOf(again)).toMatchObject({ state: "queued", attempt: 0 });
			expect(await errorCode(jobs.retry(asked))).toBe("conflict");
			const [leased] = await lease();
			expect(leased && bodyOf(leased)).toMatchObject({ attempt: 1, lease: { fence: 2 } });
			await jobs.complete({ ...asked, fence: 2, result: undefined });
			expect(await errorCode(jobs.cancel(asked))).toBe("conflict");
			expect((await typesOf()).filter((type) => type === "job.cancelled")).toHaveLength(3);
		});

		test("any change of a job that does not exist throws not_found", async () => {
			const { jobs, fail } = await opened();
			const asked = { id: newId(), fence: 1, context };
			expect(await jobs.find(1, asked.id)).toBeUndefined();
			for (const change of [
				() => jobs.heartbeat({ ...asked, leaseSeconds: 1, progress: 1 }),
				() => jobs.complete({ ...asked, result: undefined }),
				() => jobs.fail({ ...asked, ...fail }),
				() => jobs.cancel(asked),
				() => jobs.retry(asked),
			]) {
				expect(await errorCode(change())).toBe("not_found");
			}
		});

		test("a heartbeat extends the lease from now, and appends no event", async () => {
			const { leasedJob, jobs, row, typesOf } = await opened();
			const asked = await leasedJob({}, 30);
			await jobs.heartbeat({ ...asked, leaseSeconds: 100, progress: 10 });
			const job = await row(asked.id);
			expect((job.leaseExpiresAt ?? 0) - job.updatedAt).toBe(100_000);
			const again = await jobs.heartbeat({ ...asked, leaseSeconds: undefined, progress: undefined });
			expect(bodyOf(again)).toMatchObject({ progress: 10, state: "leased" });
			const { leaseExpiresAt, updatedAt } = await row(asked.id);
			expect((leaseExpiresAt ?? 0) - updatedAt).toBe(100_000);
			expect(await typesOf()).toEqual(["job.enqueued", "job.leased"]);
		});

		test("the counts always equal those of the rows", async () => {
			const { jobs, enqueue, lease, fail } = await opened();
			const ids: string[] = [];
			const pick = <T>(values: readonly T[]) => values[Math.floor(Math.random() * values.length)];
			for (let round = 0; round < 30; round++) {
				const queue = pick(["a", "b"]) ?? "a";
				const id = pick(ids) ?? newId();
				const fence = Math.floor(Math.random() * 3) + 1;
				const steps = [
					enqueue({ queue, maxAttempts: 2 }).then((job) => ids.push(job.id)),
					enqueue({ queue, runAt: Date.now() + 5 }),
					lease({ queues: ["a", "b"], limit: 2 }),
					jobs.complete({ id, fence, result: undefined, context }),
					jobs.fail({ ...fail, id, fence, retry: Math.random() < 0.5, retryInSeconds: 0 }),
					...(Math.random() < 0.3 ? [jobs.cancel({ id, context }), jobs.retry({ id, context })] : []),
					jobs.sweep({ actor: "system", requestId: "sweep" }, 2),
					...(Math.random() < 0.2 ? [jobs.purge(Date.now(), 2)] : []),
				];
				await Promise.allSettled(steps);
			}
			const { rows } = await jobs.list({
				space: 1,
				queue: undefined,
				state: undefined,
				kind: undefined,
				limit: 1000,
				after: undefined,
			});
			const expected = ["a", "b"].map((queue) => ({
				space: 1,
				queue,
				...Object.fromEntries(
					jobStates.map((state) => [
						state,
						rows.filter((job) => job.queue === queue && job.state === state).length,
					]),
				),
			}));
			const stats = await jobs.stats(1);
			expect(stats.map(({ counts }) => counts) as unknown[]).toEqual(expected);
			for (const { counts, oldestQueuedMs } of stats)
				expect(oldestQueuedMs === null).toBe(counts.queued === 0);
			const queues = ["a", "b", "c"].map((queue) => ({ space: 1, queue }));
			expect((await jobs.ready(queues)).toSorted((a, b) => (a.queue < b.queue ? -1 : 1))).toEqual(
				stats.flatMap(({ counts: { queue, queued: count } }) =>
					count > 0 ? [{ space: 1, queue, count }] : [],
				),
			);
		});

		test("lists are newest first, with any filter, and keep their place", async () => {
			const { jobs, enqueue, lease } = await opened();
			const made: string[] = [];
			for (let n = 0; n < 8; n++) {
				const draft = { queue: n % 2 === 0 ? "even" : "odd", kind: n < 4 ? "low" : "high" };
				made.push((await enqueue(draft)).id);
			}
			await lease({ queues: ["even"], limit: 2 });
			const any = {
				space: 1,
				queue: undefined,
				state: undefined,
				kind: undefined,
				limit: 100,
				after: undefined,
			};
			const found = async (query: object) => {
				const { rows, more } = await jobs.list({ ...any, ...query });
				return [rows.map(({ id }) => made.indexOf(id)), more];
			};
			expect(await found({})).toEqual([[7, 6, 5, 4, 3, 2, 1, 0], false]);
			expect(await found({ queue: "even" })).toEqual([[6, 4, 2, 0], false]);
			expect(await found({ kind: "low", limit: 2 })).toEqual([[3, 2], true]);
			expect(await found({ kind: "low", limit: 2, after: made[2] })).toEqual([[1, 0], false]);
			expect(await found({ state: "leased" })).toEqual([[2, 0], false]);
			expect(await found({ state: "queued", queue: "even", kind: "high" })).toEqual([[6, 4], false]);
			expect(await found({ queue: "none" })).toEqual([[], false]);
		});

		test("the age of the oldest queued job counts from when it became due", async () => {
			const { jobs, enqueue, leasedJob } = await opened();
			await enqueue({ runAt: Date.now() - 5000, queue: "q" });
			await enqueue({ queue: "q" });
			await leasedJob({ queue: "none" });
			const [none, q] = await jobs.stats(1);
			expect(none).toMatchObject({ counts: { queue: "none", leased: 1 }, oldestQueuedMs: null });
			expect(q?.oldestQueuedMs).toBeGreaterThanOrEqual(5000);
			expect(q?.oldestQueuedMs).toBeLessThan(60_000);
		});

		test("finished jobs are removed when they are old enough, a few at a time, and no others", async () => {
			const { jobs, enqueue, leasedJob } = await opened();
			for (let n = 0; n < 5; n++) await jobs.complete({ ...(await leasedJob()), result: undefined });
			await jobs.cancel({ id: (await enqueue({ queue: "gone" })).id, context });
			await enqueue();
			await leasedJob({ queue: "held" });
			await enqueue({ runAt: Date.now() + 60_000 });
			expect(await jobs.purge(Date.now() - 3_600_000, 100)).toBe(0);
			await Bun.sleep(5);
			expect(await jobs.purge(Date.now(), 4)).toBe(4);
			expect(await jobs.purge(Date.now(), 4)).toBe(2);
			expect(await jobs.purge(Date.now(), 4)).toBe(0);
			const stats = await jobs.stats(1);
			expect(stats.map(({ counts }) => counts)).toEqual([
				{
					space: 1,
					queue: "default",
					cancelled: 0,
					dead: 0,
					leased: 0,
					queued: 1,
					scheduled: 1,
					succeeded: 0,
				},
				{ space: 1, queue: "held", cancelled: 0, dead: 0, leased: 1, queued: 0, scheduled: 0, succeeded: 0 },
			]);
		});

		test("a lease begins and ends by the database's clock", async () => {
			const { leasedJob, row } = await opened();
			const { id } = await leasedJob({}, 10);
			const { createdAt, updatedAt, leaseExpiresAt } = await row(id);
			expect(leaseExpiresAt).toBe(updatedAt + 10_000);
			expect(Math.abs(createdAt - Date.now())).toBeLessThan(60_000);
			expect(timestamp(createdAt)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
		});
	});
}

function draftOf(draft: Partial<JobDraft>): JobDraft {
	return {
		kind: "k",
		payload: "null",
		queue: "default",
		priority: 0,
		runAt: undefined,
		maxAttempts: 5,
		uniqueKey: undefined,
		...draft,
	};
}
