-- wrk: POST /v1/leads, every request a new German mobile number. Set BENCH_KEY, BENCH_LIST and BENCH_ROUND.
local next_number = tonumber(os.getenv("BENCH_ROUND")) * 1000000
local list = os.getenv("BENCH_LIST")

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_KEY")

function request()
  next_number = next_number + 1
  local body = string.format('{"name":"Dana Levi","phone_number":"+49151%08d","list_id":"%s","status":"New","tags":[],"metadata":{}}', next_number, list)
  return wrk.format(nil, nil, nil, body)
end

function done(summary, latency)
  io.write(string.format('RESULT {"requests":%d,"seconds":%.4f,"p50Ms":%.3f,"p99Ms":%.3f,"non2xx":%d,"socketErrors":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
