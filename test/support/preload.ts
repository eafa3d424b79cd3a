import { afterAll } from "bun:test";
import { tearDown } from "./teardown.ts";

afterAll(tearDown);
