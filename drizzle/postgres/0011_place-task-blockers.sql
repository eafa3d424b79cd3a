ALTER TABLE "task_blockers" ADD COLUMN "space" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
CREATE INDEX "task_blockers_in_space" ON "task_blockers" USING btree ("space") WHERE space <> 1;