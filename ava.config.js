// Interop, fuzz and kill9 suites need more than Node: they are programs of their own (see CONTRIBUTING.md).
export default {
  files: ['test/{unit,contract,scripts}/**/*.test.ts'],
  extensions: ['ts'],
  workerThreads: false,
  timeout: '2m',
};
