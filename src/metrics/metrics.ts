import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { JobState, JobStore } from "../jobs/store.ts";
import { withTimeout } from "../kernel/timeout.ts";
import { version } from "../kernel/version.ts";
import type { WriteCounts } from "./store.ts";

export interface MetricsDeps {
	readonly jobs: Pick<JobStore, "stats">;
	readonly jobStates: readonly JobState[];
	readonly writes: () => WriteCounts;
	/** Event streams that are open. */
	readonly streams: () => number;
}

/** Takes note of one finished request. */
export type Observe = (method: string, path: string, status: number, milliseconds: number) => void;

/** Any number of paths are no route's: they share this label. */
const unknownRoute = "none";

/** A worker may wait 30 s for a job. */
const secondBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const knownMethods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const databaseWithinMs = 2000;
const lagResolutionMs = 20;

/** The metrics of this process for Prometheus. Requests are counted as they end, the rest is read at each scrape. */
export class Metrics {
	readonly #registry = new Registry();
	readonly #durations = new Histogram({
		name: "orchestrator_http_request_duration_seconds",
		help: "Time from a request's head to its answer's; of a stream, to its beginning.",
		labelNames: ["method", "route", "status"],
		buckets: secondBuckets,
		registers: [this.#registry],
	});
	readonly #streams = this.#gauge("orchestrator_event_streams", "Event streams that are open.");
	readonly #waiting = this.#gauge("orchestrator_write_queue_length", "Writes that wait for the next group.");
	readonly #groups = this.#counter(
		"orchestrator_write_groups_total",
		"Groups of writes, each one transaction.",
	);
	readonly #units = this.#counter("orchestrator_write_units_total", "Writes in these groups.");
	readonly #isUp = this.#gauge("orchestrator_database_up", "1 if the database answered this scrape, else 0.");
	readonly #jobs = new Gauge({
		name: "orchestrator_jobs",
		help: "Jobs by state, of all queues; absent while the database does not answer.",
		labelNames: ["state"],
		registers: [this.#registry],
	});
	readonly #oldest = this.#gauge(
		"orchestrator_jobs_oldest_queued_seconds",
		"For how long the job that has waited longest, of any queue, could have been leased.",
	);
	readonly #lag = this.#gauge(
		"orchestrator_event_loop_lag_seconds",
		"The longest that the event loop was late since the scrape before.",
	);
	readonly #memory = this.#gauge("process_resident_memory_bytes", "Memory of this process.");
	readonly #cpu = this.#counter("process_cpu_seconds_total", "Processor time of this process.");
	readonly #delay = monitorEventLoopDelay({ resolution: lagResolutionMs });

	constructor(private readonly deps: MetricsDeps) {
		const started = this.#gauge("process_start_time_seconds", "When this process began.");
		started.set(Date.now() / 1000 - process.uptime());
		new Gauge({
			name: "orchestrator_info",
			help: "The program's version.",
			labelNames: ["version"],
			registers: [this.#registry],
		}).set({ version }, 1);
		this.#delay.enable();
	}

	/** Idempotent. */
	stop(): void {
		this.#delay.disable();
	}

	/** Counts requests by their routes; each combination of labels is looked up once. */
	observer(routeOf: (path: string) => string | undefined): Observe {
		const known = new Map<string, { observe(seconds: number): void }>();
		return (method, path, status, milliseconds) => {
			const verb = knownMethods.has(method) ? method : "other";
			const route = routeOf(path) ?? unknownRoute;
			const labels = `${verb} ${route} ${status}`;
			let child = known.get(labels);
			if (child === undefined) {
				child = this.#durations.labels(verb, route, String(status));
				known.set(labels, child);
			}
			child.observe(milliseconds / 1000);
		};
	}

	/** Everything, in Prometheus' text format 0.0.4. */
	async text(): Promise<string> {
		const { waiting, groups, units } = this.deps.writes();
		this.#waiting.set(waiting);
		setTo(this.#groups, groups);
		setTo(this.#units, units);
		this.#streams.set(this.deps.streams());
		this.#memory.set(process.memoryUsage.rss());
		const { user, system } = process.cpuUsage();
		setTo(this.#cpu, (user + system) / 1e6);
		this.#lag.set(Math.max(0, this.#delay.max / 1e9));
		this.#delay.reset();
		await this.#countJobs();
		return this.#registry.metrics();
	}

	async #countJobs(): Promise<void> {
		this.#jobs.reset();
		this.#oldest.remove();
		try {
			const queues = await withTimeout(databaseWithinMs, this.deps.jobs.stats("every"));
			for (const state of this.deps.jobStates) {
				this.#jobs.set(
					{ state },
					queues.reduce((sum, { counts }) => sum + counts[state], 0),
				);
			}
			this.#oldest.set(Math.max(0, ...queues.map(({ oldestQueuedMs }) => oldestQueuedMs ?? 0)) / 1000);
			this.#isUp.set(1);
		} catch {
			this.#isUp.set(0);
		}
	}

	#gauge(name: string, help: string): Gauge {
		return new Gauge({ name, help, registers: [this.#registry] });
	}

	#counter(name: string, help: string): Counter {
		return new Counter({ name, help, registers: [this.#registry] });
	}
}

/** What is counted elsewhere. */
function setTo(counter: Counter, value: number): void {
	counter.reset();
	counter.inc(value);
}
