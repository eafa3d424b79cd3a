import { onEnd } from "./teardown.ts";

const root = `${import.meta.dir}/../..`;

/** The program as `bun src/main.ts` runs it. */
export const fromSource = [process.execPath, `${root}/src/main.ts`];

export interface Finished {
	readonly code: number;
	readonly stdout: string;
	readonly stderr: string;
}

/** The whole environment of a started program: nothing leaks in from that of the tests. */
export function environment(env: Record<string, string>): Record<string, string> {
	return { PATH: Bun.env.PATH ?? "", HOME: Bun.env.HOME ?? "/tmp", LOG_FORMAT: "json", ...env };
}

/** Runs a command to its end. */
export async function runProgram(
	command: readonly string[],
	env: Record<string, string>,
	options: { readonly cwd?: string; readonly stdin?: string } = {},
): Promise<Finished> {
	const child = Bun.spawn([...command], {
		cwd: options.cwd ?? root,
		env: environment(env),
		stdin: new Blob([options.stdin ?? ""]),
		stdout: "pipe",
		stderr: "pipe",
	});
	const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
	return { code, stdout, stderr };
}

/** A server in its own process. */
export interface ServerProcess {
	readonly url: string;
	readonly pid: number;
	/** Everything it has printed so far. */
	output(): string;
	/** What of it went to standard error. */
	errors(): string;
	/** Sends a signal, waits for the end and for the rest of the output; returns the exit code. */
	end(signal: NodeJS.Signals): Promise<number>;
	signal(signal: NodeJS.Signals): void;
	readonly exited: Promise<number>;
}

/** The URL in the line or, with `LOG_FORMAT=pretty`, in the greeting of a server that is ready. */
export const readyUrl = /"url":"(?<url>[^"]+)","msg":"Ready\."|ready at (?<url>\S+)/;

/** A program that runs, ready or not. */
export interface StartedProgram {
	readonly pid: number;
	/** Everything it has printed so far. */
	output(): string;
	/** What of it went to standard error. */
	errors(): string;
	/** Resolves with the match when its output has one; rejects with the output if it ends before. */
	printed(pattern: RegExp): Promise<RegExpExecArray>;
	signal(signal: NodeJS.Signals): void;
	/** The exit code, or 128 and the signal's number, once all output has been read. */
	readonly exited: Promise<number>;
}

/** Starts a program that listens on a free port, if it listens. */
export function startProgram(
	command: readonly string[],
	env: Record<string, string>,
	cwd: string = root,
): StartedProgram {
	const child = Bun.spawn([...command], {
		cwd,
		env: environment({
			PORT: "0",
			RATE_LIMIT: "off",
			LOGIN_RATE_LIMIT: "off",
			USER_RATE_LIMIT: "off",
			...env,
		}),
		stdin: "ignore",
		stdout: "pipe",
		stderr: "pipe",
	});
	onEnd(() => child.kill("SIGKILL"));
	let output = "";
	let errors = "";
	const waiting = new Set<() => void>();
	async function follow(stream: ReadableStream<Uint8Array>): Promise<void> {
		const decoder = new TextDecoder();
		for await (const chunk of stream) {
			const text = decoder.decode(chunk, { stream: true });
			output += text;
			if (stream === child.stderr) errors += text;
			for (const look of waiting) look();
		}
	}
	const exited = Promise.all([follow(child.stdout), follow(child.stderr)]).then(() => child.exited);
	return {
		pid: child.pid,
		output: () => output,
		errors: () => errors,
		exited,
		signal: (signal) => child.kill(signal),
		async printed(pattern) {
			const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
			const look = () => {
				const found = pattern.exec(output);
				if (found !== null) resolve(found);
			};
			waiting.add(look);
			look();
			void exited.then((code) => reject(new Error(`ended with ${code} before it printed it:\n${output}`)));
			return promise.finally(() => waiting.delete(look));
		},
	};
}

/** Starts a server and waits until it is ready. Rejects with what it printed if it ends before. */
export async function startProcess(
	command: readonly string[],
	env: Record<string, string>,
	cwd: string = root,
): Promise<ServerProcess> {
	const program = startProgram(command, env, cwd);
	const { groups: { url = "" } = {} } = await program.printed(readyUrl);
	return {
		...program,
		url,
		async end(signal) {
			program.signal(signal);
			return program.exited;
		},
	};
}
