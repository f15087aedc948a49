/** Everything has to be over by then; who still works is cut off. */
const STOP_WITHIN_MS = 5_000;
/** npm passes on the Ctrl-C that the terminal has sent to us already. */
const SAME_SIGNAL_MS = 500;

/**
 * Aborts at SIGINT, SIGTERM or SIGHUP. From then on the process has five seconds to stop, and a second signal ends it at once.
 * An error that nobody caught asks to stop too.
 */
export function stopRequest(onFatal: (error: unknown) => void): AbortSignal {
  const controller = new AbortController();
  let askedAt = 0;
  const stop = () => {
    if (!controller.signal.aborted) {
      askedAt = performance.now();
      setTimeout(() => process.exit(1), STOP_WITHIN_MS - 100).unref();
      controller.abort();
    } else if (performance.now() - askedAt > SAME_SIGNAL_MS) {
      process.exit(1);
    }
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  process.on("uncaughtException", (error) => {
    onFatal(error);
    process.exitCode = 1;
    stop();
  });
  return controller.signal;
}
