// The API as a program sees it that was written against the document alone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { makeClient } from "./client.mjs";
import { openVenue } from "./venue.mjs";

let venue, api;

before(async () => {
  venue = await openVenue();
  api = await makeClient(venue.api);
}, { timeout: 180_000 });

after(() => venue?.close());

test("what is on sale", async () => {
  const { data, response } = await api.listEvents();
  assert.equal(response.status, 200);
  assert.deepEqual(data.events.map((e) => e.id), [venue.event]);
});
