import { join } from "node:path";
import { newFolder } from "./databases.ts";
import { skipped } from "./skips.ts";

/** A certificate and its key, as files. */
export interface Certificate {
	readonly certificate: string;
	readonly key: string;
}

export interface Authority extends Certificate {
	/** A certificate for a common name, and for host names such as `DNS:localhost`. */
	issue(name: string, hosts: string): Promise<Certificate>;
}

/** A new CA of the tests' own; undefined where openssl is missing. */
export async function newAuthority(): Promise<Authority | undefined> {
	if (Bun.which("openssl") === null) return skipped("openssl", "install it");
	const folder = newFolder();
	const file = (name: string) => join(folder, name);
	const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
	const ca = { certificate: file("ca.crt"), key: file("ca.key") };
	await openssl("req", "-x509", ...newKey, "-keyout", ca.key, "-out", ca.certificate, "-subj", "/CN=Test CA");
	return {
		...ca,
		async issue(name, hosts) {
			const [request, certificate, key] = [file(`${name}.csr`), file(`${name}.crt`), file(`${name}.key`)];
			await openssl("req", ...newKey, "-keyout", key, "-out", request, "-subj", `/CN=${name}`);
			await Bun.write(file(`${name}.ext`), `subjectAltName=${hosts}`);
			const signer = ["-CA", ca.certificate, "-CAkey", ca.key, "-CAcreateserial"];
			await openssl(
				"x509",
				"-req",
				"-in",
				request,
				...signer,
				"-extfile",
				file(`${name}.ext`),
				"-out",
				certificate,
			);
			return { certificate, key };
		},
	};
}

async function openssl(...args: string[]): Promise<void> {
	const child = Bun.spawn(["openssl", ...args], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
	const [code, text] = await Promise.all([child.exited, child.stderr.text()]);
	if (code !== 0) throw new Error(`openssl ${args[0]} failed: ${text}`);
}
