/**
 * An example worker: leases jobs of the kind "shout" and completes them with their text in capitals.
 *   URL=http://127.0.0.1:8000 API_KEY=… bun examples/worker.ts
 */
const { URL: url = "http://127.0.0.1:8000", API_KEY: key = "", QUEUE: queue = "default" } = process.env;
const worker = `shouter-${process.pid}`;
const leaseSeconds = 30;

interface Job {
	readonly id: string;
	readonly payload: { readonly text: string };
	readonly lease: { readonly fence: number };
}

async function ask(path: string, body: object) {
	const headers = { "content-type": "application/json", "x-api-key": key };
	const response = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
	const json = (await response.json()) as { readonly items?: readonly Job[]; readonly message?: string };
	return { status: response.status, json };
}

async function work({ id, payload, lease: { fence } }: Job): Promise<void> {
	const beat = () => void ask(`/jobs/${id}/heartbeat`, { fence }).catch(() => {});
	const beating = setInterval(beat, (leaseSeconds * 1000) / 3);
	try {
		const shouted = payload.text.toUpperCase();
		console.log(`${id} fence ${fence}: ${shouted}`);
		const { status } = await ask(`/jobs/${id}/complete`, { fence, result: { shouted } });
		if (status === 409) console.log(`${id}: the lease is lost`);
	} catch (error) {
		await ask(`/jobs/${id}/fail`, { fence, error: String(error) });
	} finally {
		clearInterval(beating);
	}
}

for (;;) {
	try {
		const asked = { worker, queues: [queue], lease_seconds: leaseSeconds, wait_seconds: 20 };
		const { status, json } = await ask("/jobs/lease", asked);
		if (status !== 200) throw new Error(json.message);
		for (const job of json.items ?? []) await work(job);
	} catch (error) {
		console.error(String(error));
		await new Promise((resolve) => setTimeout(resolve, 1000));
	}
}
