type Job = () => unknown;

const jobs: Job[] = [];

/** Runs a job when this process's tests are over, in reverse order. */
export function onEnd(job: Job): void {
	jobs.push(job);
}

export async function tearDown(): Promise<void> {
	for (let job = jobs.pop(); job !== undefined; job = jobs.pop()) await job();
}
