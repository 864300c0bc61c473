#!/usr/bin/env node
// SPDX-License-Identifier: BSD-3-Clause
// The side of onnxruntime in `./dev bench onnx`: answers one line of JSON for each request on standard input. The npm
// package onnxruntime-node is found through NODE_PATH. Elements are passed in files, as doubles.
'use strict';
const fs = require('fs');
const readline = require('readline');
const ort = require('onnxruntime-node');

const threads = Number(process.argv[2]);
const options = {intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: 'sequential'};
const arrays = {
  float32: Float32Array, float64: Float64Array, int8: Int8Array, uint8: Uint8Array, int16: Int16Array,
  uint16: Uint16Array, int32: Int32Array, uint32: Uint32Array, bool: Uint8Array,
};
const seconds = () => Number(process.hrtime.bigint()) * 1e-9;
let session, feeds = {}, outputs = {};

function tensorOf(type, dims, file) {
  const bytes = fs.readFileSync(file);
  const doubles = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  if (type === 'int64') return new ort.Tensor(type, BigInt64Array.from(doubles, (x) => BigInt(x)), dims);
  return new ort.Tensor(type, arrays[type].from(doubles), dims);
}

// A model of one Identity: what a call costs that computes nothing.
function identity() {
  const field = (number, content) => Buffer.concat([Buffer.from([number << 3 | 2, content.length]), content]);
  const varint = (number, value) => Buffer.from([number << 3, value]);
  const text = (number, s) => field(number, Buffer.from(s));
  const port = (name) => Buffer.concat(
      [text(1, name), field(2, field(1, Buffer.concat([varint(1, 1), field(2, field(1, varint(1, 1)))])))]);
  const node = Buffer.concat([text(1, 'x'), text(2, 'y'), text(4, 'Identity')]);
  const graph = Buffer.concat([field(1, node), text(2, 'g'), field(11, port('x')), field(12, port('y'))]);
  return Buffer.concat([varint(1, 7), field(7, graph), field(8, varint(2, 13))]);
}

async function times(s, inputs, n) {
  const all = [];
  for (let i = 0; i < n; ++i) {
    const start = seconds();
    outputs = await s.run(inputs);
    all.push(seconds() - start);
  }
  return all;
}

const verbs = {
  async load(path) {
    const start = seconds();
    session = await ort.InferenceSession.create(path, options);
    feeds = {};
    return seconds() - start;
  },
  feed({name, type, dims, file}) {
    feeds[name] = tensorOf(type, dims, file);
    return true;
  },
  // Outputs of the last run become inputs: {output: input}.
  feedback(names) {
    for (const [from, to] of Object.entries(names)) feeds[to] = outputs[from];
    return true;
  },
  run: (n) => times(session, feeds, n),
  async overhead(n) {
    const s = await ort.InferenceSession.create(identity(), options);
    return times(s, {x: new ort.Tensor('float32', new Float32Array(1), [1])}, n);
  },
  outputs(folder) {
    return session.outputNames.map((name, i) => {
      const file = `${folder}/output_${i}`;
      fs.writeFileSync(file, new Uint8Array(Float64Array.from(outputs[name].data, Number).buffer));
      return {name, dims: outputs[name].dims.map(Number), file};
    });
  },
};

(async () => {
  for await (const line of readline.createInterface({input: process.stdin})) {
    const verb = line.split(' ', 1)[0];
    try {
      const answer = await verbs[verb](JSON.parse(line.slice(verb.length + 1)));
      process.stdout.write(`${verb} ${JSON.stringify(answer)}\n`);
    } catch (e) {
      process.stdout.write(`failed: ${String(e.message).split('\n')[0]}\n`);
    }
  }
})();
