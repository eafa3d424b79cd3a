import { afterAll } from "bun:test";
import { tearDown } from "./teardown.ts";

// Every test database is dropped here: five seconds can be too short for many.
afterAll(tearDown, 60_000);
