type Job = () => unknown;

const jobs: Job[] = [];

/** Runs a job when the tests of the current file are over, in reverse order. */
export function onEnd(job: Job): void {
	jobs.push(job);
}

export async function tearDown(): Promise<void> {
	for (let job = jobs.pop(); job !== undefined; job = jobs.pop()) await job();
}
