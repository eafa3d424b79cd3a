import { Elysia } from "elysia";
import { privateUnlessKnown, setEtag } from "../http/conditional-get.ts";
import { idempotentRequest } from "../http/idempotency.ts";
import type { Cursors } from "../http/paging.ts";
import { queryOf } from "../http/query.ts";
import { changeContext, contextOf } from "../http/request-context.ts";
import { jsonBody, readQuery } from "../http/validation.ts";
import { represent } from "../kernel/canonical.ts";
import { validationError } from "../kernel/errors.ts";
import { isId, type NewId } from "../kernel/ids.ts";
import type { SpaceId } from "../kernel/space.ts";
import { jobPath, noSuchJob, requireJob } from "./changes.ts";
import { draftOf } from "./draft.ts";
import {
	batchOperation,
	cancelOperation,
	enqueueOperation,
	getOperation,
	listOperation,
	retryOperation,
	statsOperation,
} from "./operations.ts";
import { jobBatchBody, jobBody, jobListBody, statsBody } from "./representation.ts";
import { JobQueryParameters, NewJob, NewJobs } from "./schema.ts";
import type { JobChange, JobQuery } from "./store.ts";
import { type WorkerRouteDeps, workerRoutes } from "./worker-routes.ts";

export interface JobRouteDeps extends WorkerRouteDeps {
	readonly cursors: Cursors;
	readonly newId: NewId;
}

const listPath = "/jobs";

const newJob = jsonBody(NewJob);
const newJobs = jsonBody(NewJobs);
const readListQuery = readQuery(JobQueryParameters);

export function jobRoutes(deps: JobRouteDeps) {
	const { jobs, dispatcher, readBody, requireWorker, cursors, newId } = deps;

	async function changeOf(request: Request, id: string): Promise<JobChange> {
		await requireWorker(request);
		if (!isId(id)) throw noSuchJob();
		return { id, context: changeContext(request) };
	}

	return new Elysia()
		.post(
			listPath,
			async ({ request, set }) => {
				const body = newJob(await readBody(request));
				const caller = await requireWorker(request);
				const requested = body.value();
				const idempotent = idempotentRequest(request, caller, "POST /jobs", requested);
				const context = changeContext(request);
				const job = draftOf(requested);
				const enqueued = await jobs.enqueue({ id: newId(), job, idempotent, context });
				dispatcher.ready([enqueued]);
				const { body: text, etag } = represent(enqueued.body);
				set.status = enqueued.isNew ? 202 : 200;
				setEtag(set, etag);
				set.headers.location = contextOf(request).prefix + jobPath(enqueued.id);
				if (enqueued.replayed) set.headers["idempotency-replayed"] = "true";
				return text;
			},
			{ detail: enqueueOperation },
		)
		.post(
			"/jobs/batch",
			async ({ request, set }) => {
				const body = newJobs(await readBody(request));
				const caller = await requireWorker(request);
				const requested = body.value();
				const idempotent = idempotentRequest(request, caller, "POST /jobs/batch", requested);
				const drafts = requested.jobs.map((job, index) => draftOf(job, `/jobs/${index}`));
				const context = changeContext(request);
				const batch = drafts.map((job) => ({ id: newId(), job }));
				const made = await jobs.enqueueBatch({ jobs: batch, idempotent, context });
				dispatcher.ready(made.jobs);
				set.status = 202;
				if (made.replayed) set.headers["idempotency-replayed"] = "true";
				return jobBatchBody(made.jobs.map((job) => job.body));
			},
			{ detail: batchOperation },
		)
		.use(workerRoutes(deps))
		.post(
			"/jobs/:id/cancel",
			async ({ request, params }) => (await jobs.cancel(await changeOf(request, params.id))).body,
			{ detail: cancelOperation },
		)
		.post(
			"/jobs/:id/retry",
			async ({ request, params }) => {
				const job = await jobs.retry(await changeOf(request, params.id));
				dispatcher.ready([job]);
				return job.body;
			},
			{ detail: retryOperation },
		)
		.get(
			listPath,
			async ({ request, set }) => {
				await requireWorker(request);
				const query = pageQuery(contextOf(request).space, readListQuery(queryOf(request.url)), cursors);
				const { rows, more } = await jobs.list(query);
				const last = more ? rows.at(-1) : undefined;
				const next = last && cursors.seal(listName(query), last.id);
				if (next !== undefined) set.headers.link = nextLink(contextOf(request).prefix, query, next);
				return jobListBody(rows.map(jobBody), next);
			},
			{ detail: listOperation },
		)
		.get(
			"/jobs/stats",
			async ({ request }) => {
				await requireWorker(request);
				return statsBody(await jobs.stats(contextOf(request).space));
			},
			{ detail: statsOperation },
		)
		.get(
			"/jobs/:id",
			async ({ request, params, set }) => {
				const { id, context } = await changeOf(request, params.id);
				const job = requireJob(await jobs.find(context.space, id));
				return privateUnlessKnown(request, set, represent(jobBody(job)));
			},
			{ detail: getOperation },
		);
}

function pageQuery(space: SpaceId, parameters: JobQueryParameters, cursors: Cursors): JobQuery {
	const { queue, state, kind, limit = 100, cursor } = parameters;
	const query = { space, queue, state, kind, limit, after: undefined };
	if (cursor === undefined) return query;
	const after = cursors.open(listName(query), cursor);
	if (after !== undefined) return { ...query, after };
	throw validationError([
		{ message: "is not a cursor that this list gave out for these filters", path: "/cursor" },
	]);
}

/** A cursor is valid only for a list of the same space with the same filters. */
function listName({ space, queue, state, kind }: JobQuery): string {
	return `jobs ${JSON.stringify([space, queue ?? null, state ?? null, kind ?? null])}`;
}

function nextLink(prefix: string, { queue, state, kind, limit }: JobQuery, cursor: string): string {
	const parameters = new URLSearchParams({ cursor, limit: String(limit) });
	for (const [name, value] of Object.entries({ queue, state, kind })) {
		if (value !== undefined) parameters.set(name, value);
	}
	return `<${prefix}${listPath}?${parameters}>; rel="next"`;
}
