type Job = () => unknown;

const jobs: Job[] = [];

/** Does a job when this process's tests are over; the last one handed in comes first. */
export function onEnd(job: Job): void {
	jobs.push(job);
}

export async function tearDown(): Promise<void> {
	for (let job = jobs.pop(); job !== undefined; job = jobs.pop()) await job();
}
