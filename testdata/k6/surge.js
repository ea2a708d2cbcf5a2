// The surge of `central surge` by a tool that we did not write: `make k6`, or
//
//   central surge --config FILE --event 1001 --people 2000 --tokens tokens.json
//   k6 run -e URL=http://127.0.0.1:8440 -e EVENT=1001 -e TOKENS=tokens.json testdata/k6/surge.js
//
// PEOPLE come within RAMP seconds, whatever the server answers (an arrival rate, not a number of loops);
// each enters twice, which must bring the same place, and then asks POLLS times, as often as they are told
// to. k6 needs a browser's worth of memory for each person who is there at once, so that a few thousand
// stand for a hundred thousand here.
import http from 'k6/http';
import exec from 'k6/execution';
import { check, sleep } from 'k6';
import { SharedArray } from 'k6/data';
import { Counter, Trend } from 'k6/metrics';

const url = __ENV.URL;
const event = __ENV.EVENT || '1001';
const people = Number(__ENV.PEOPLE || 2000);
const ramp = Number(__ENV.RAMP || 10);
const polls = Number(__ENV.POLLS || 2);
// How long somebody is there, in seconds, with room to spare: people are made ready beforehand, because one
// whom k6 has to make on arrival it drops.
const stay = 3 * polls + 4;
const queue = `${url}/v1/events/${event}/queue`;

const tokens = new SharedArray('tokens', () => JSON.parse(open(__ENV.TOKENS || 'tokens.json')));

const enter = new Trend('enter_ms', true);
const poll = new Trend('poll_ms', true);
const moved = new Counter('places_changed');
const grown = new Counter('positions_grown');

export const options = {
  scenarios: {
    surge: {
      executor: 'constant-arrival-rate',
      rate: people,
      timeUnit: `${ramp}s`,
      duration: `${ramp}s`,
      preAllocatedVUs: Math.min(people, Math.ceil((people / ramp) * stay)),
      maxVUs: people,
      gracefulStop: '120s',
    },
  },
  summaryTrendStats: ['p(50)', 'p(95)', 'p(99)', 'max'],
  thresholds: {
    checks: ['rate==1'],
    http_req_failed: ['rate==0'],
    dropped_iterations: ['count==0'],
    places_changed: ['count==0'],
    positions_grown: ['count==0'],
  },
};

function stand(token) {
  const answer = http.post(queue, '{}', {
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
    tags: { name: 'enter' },
  });
  enter.add(answer.timings.duration);
  check(answer, { 'entered': (r) => r.status === 200 && r.json('token') !== '' });
  return answer.json();
}

export default function () {
  const person = exec.scenario.iterationInTest % tokens.length;
  let place = stand(tokens[person]);
  const again = stand(tokens[person]);
  if (again.number !== place.number) moved.add(1);
  place = again;
  for (let i = 0; i < polls && place.state !== 'admitted'; i++) {
    sleep(place.retry_ms / 1000);
    const answer = http.get(queue, { headers: { 'Queue-Token': place.token }, tags: { name: 'poll' } });
    poll.add(answer.timings.duration);
    check(answer, { 'polled': (r) => r.status === 200 });
    const next = answer.json();
    if (next.state === 'waiting' && place.state === 'waiting' && next.position > place.position) grown.add(1);
    place = next;
  }
}
