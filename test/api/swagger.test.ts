import { describe, expect, test } from "bun:test";
import { chromium, type Page } from "playwright-core";
import { ask } from "../support/ask.ts";
import { startServer } from "../support/server.ts";
import { skipped } from "../support/skips.ts";
import { onEnd } from "../support/teardown.ts";
import { testEmail, testPassword } from "../support/users.ts";

function browserPath(): string | undefined {
	const given = Bun.env.TEST_CHROMIUM;
	const found = given ?? Bun.which("chromium") ?? Bun.which("chromium-browser") ?? Bun.which("google-chrome");
	return found ?? skipped("Chromium", "install the package chromium, or set TEST_CHROMIUM to its path");
}

const executablePath = browserPath();
const quiet = [
	"--no-sandbox",
	"--disable-gpu",
	"--disable-background-networking",
	"--disable-component-update",
];

/** A page, and every error that it reported. */
async function openPage(executable: string) {
	const browser = await chromium.launch({ executablePath: executable, args: quiet });
	onEnd(() => browser.close());
	const page = await browser.newPage();
	const requests: string[] = [];
	const complaints: string[] = [];
	page.on("request", (request) => void requests.push(request.url()));
	page.on("requestfailed", (request) => void complaints.push(`failed: ${request.url()}`));
	page.on("response", (response) => {
		if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`);
	});
	page.on("console", (message) => {
		if (["error", "warning"].includes(message.type())) complaints.push(message.text());
	});
	page.on("pageerror", (error) => void complaints.push(String(error)));
	return { page, requests, complaints };
}

/** Fills in an operation's body, executes it, and waits for the response on the page. */
async function execute(page: Page, operationId: string, body?: object) {
	const operation = page.locator(`[id$="-${operationId}"]`);
	await operation.locator(".opblock-summary-control").click();
	if (body !== undefined) await operation.locator("textarea.body-param__text").fill(JSON.stringify(body));
	await operation.locator("button.execute").click();
	const response = operation.locator(".live-responses-table .response").first();
	const status = await response.locator(".response-col_status").textContent();
	return { status, text: (await response.locator(".response-col_description").textContent()) ?? "" };
}

describe.if(executablePath !== undefined)("Swagger UI in Chromium", () => {
	test("loads only from this server, and does a login and a create", async () => {
		const server = await startServer({ DATABASE_URL: "sqlite://:memory:" });
		const { page, requests, complaints } = await openPage(executablePath ?? "");
		await page.goto(`${server.url}/`);
		await page.locator(".opblock").first().waitFor();
		expect(page.url()).toBe(`${server.url}/swagger`);

		const login = await execute(page, "login", { email: testEmail, password: testPassword });
		expect(login.status).toBe("200");
		const token = /"access_token": "([^"]+)"/.exec(login.text)?.[1] ?? "";
		expect(token.split(".")).toHaveLength(3);

		await page.locator("button.authorize.unlocked").first().click();
		const dialog = page.locator(".modal-ux .auth-container", { hasText: "bearer" });
		await dialog.locator("input").fill(token);
		await dialog.locator("button.authorize").click();
		await page.locator(".modal-ux .btn-done").first().click();

		const create = await execute(page, "createTask", { title: "Made in a browser" });
		expect(create.status).toBe("200");
		expect(create.text).toContain("Made in a browser");
		expect((await execute(page, "listTasks")).text).toContain("Made in a browser");
		const list = await ask(server, "GET /collab/state/tasks");
		expect(list.text).toContain('"title":"Made in a browser"');

		expect(complaints).toEqual([]);
		const elsewhere = requests.filter((url) => !url.startsWith(`${server.url}/`) && !url.startsWith("data:"));
		expect(elsewhere).toEqual([]);
	}, 60_000);
});

test("the page's policy lets only our own files run, and every file that the page names exists", async () => {
	const server = await startServer({ DATABASE_URL: "sqlite://:memory:" });
	const page = await ask(server, "GET /swagger");
	expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
	const policy = page.headers.get("content-security-policy") ?? "";
	expect(policy).toContain("default-src 'none'");
	expect(policy).toContain("script-src 'self';");
	expect(policy).toContain("frame-ancestors 'none'");
	const named = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? "");
	expect(named).toHaveLength(4);
	for (const path of named) {
		expect(path).toStartWith("/swagger/");
		const file = await ask(server, `GET ${path as `/${string}`}`);
		expect([path, file.status]).toEqual([path, 200]);
		expect(file.headers.get("content-type")).toMatch(/^(image\/png|text\/(css|javascript); charset=utf-8)$/);
		expect(file.text.length).toBeGreaterThan(50);
	}
});
