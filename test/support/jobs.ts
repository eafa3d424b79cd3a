import { testApiKey } from "./server.ts";

/** The parts of a job's body that the tests use. */
export interface JobBody {
	readonly id: string;
	readonly kind: string;
	readonly queue: string;
	readonly state: string;
	readonly attempt: number;
	readonly error?: string;
	readonly payload: unknown;
	readonly progress?: number;
	readonly result?: unknown;
	readonly run_at: string;
	readonly created_at: string;
	readonly updated_at: string;
	readonly lease?: { readonly fence: number; readonly worker: string; readonly expires_at: string };
}

export interface JobAnswer {
	readonly status: number;
	readonly items: readonly JobBody[];
	readonly job: JobBody;
}

/** Posts JSON to a server with the test's key. */
export async function post(
	url: string,
	path: string,
	body: unknown,
	signal?: AbortSignal,
): Promise<JobAnswer> {
	const response = await fetch(url + path, {
		method: "POST",
		headers: { "content-type": "application/json", "x-api-key": testApiKey },
		body: JSON.stringify(body),
		...(signal && { signal }),
	});
	const json = (await response.json()) as JobBody & { items?: readonly JobBody[] };
	return { status: response.status, items: json.items ?? [], job: json };
}
