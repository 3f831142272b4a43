// grpc-js on both sides: `node echo.js call ADDRESS CASE` makes calls and prints one JSON object, `node echo.js serve`
// serves Echo and prints its port. NODE_PATH names where @grpc is.
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const definition = loader.loadSync(process.env.ECHO_PROTO, { keepCase: true, defaults: true });
const Echo = grpc.loadPackageDefinition(definition).hpcc.test.v1.Echo;
const large = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };

function fail(request) {
  return { code: request.fail_code, details: request.fail_message };
}

function prelude(call) {
  const text = call.metadata.get('x-echo');
  if (text.length) {
    const md = new grpc.Metadata();
    md.set('x-echo', text[0]);
    call.sendMetadata(md);
  }
  const trailing = new grpc.Metadata();
  for (const value of call.metadata.get('x-echo-bin')) trailing.set('x-echo-bin', value);
  return trailing;
}

const service = {
  Unary(call, done) {
    const trailing = prelude(call);
    if (call.request.fail_code) return done(fail(call.request));
    setTimeout(() => done(null, { payload: call.request.payload }, trailing), call.request.delay_ms);
  },
  async ServerStream(call) {
    const trailing = prelude(call);
    for (let i = 0; i < call.request.repeat; i++) {
      if (!call.write({ payload: call.request.payload, index: i })) await new Promise((go) => call.once('drain', go));
    }
    if (call.request.fail_code) call.emit('error', fail(call.request));
    else call.end(trailing);
  },
  ClientStream(call, done) {
    const parts = [];
    const trailing = prelude(call);
    call.on('data', (request) => parts.push(request.payload));
    call.on('end', () => done(null, { payload: Buffer.concat(parts) }, trailing));
  },
  Bidi(call) {
    let index = 0;
    const trailing = prelude(call);
    call.on('data', (request) => call.write({ payload: request.payload, index: index++ }));
    call.on('end', () => call.end(trailing));
  },
};

function serve() {
  const server = new grpc.Server(large);
  server.addService(Echo.service, service);
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    console.log(`listening on port ${port}`);
  });
}

const payload = Buffer.alloc(300000, 'grpc-js ');

const cases = {
  unary(client, done) {
    client.Unary({ payload }, (error, reply) => done({ error, same: reply && payload.equals(reply.payload) }));
  },
  gzip(client, done) {
    const md = new grpc.Metadata();
    client.Unary({ payload }, md, (error, reply) => done({ error, same: reply && payload.equals(reply.payload) }));
  },
  server_stream(client, done) {
    const indices = [];
    client.ServerStream({ payload, repeat: 50 })
      .on('data', (reply) => indices.push(reply.index))
      .on('error', (error) => done({ error }))
      .on('end', () => done({ indices }));
  },
  client_stream(client, done) {
    const call = client.ClientStream((error, reply) => done({ error, size: reply && reply.payload.length }));
    for (let i = 0; i < 20; i++) call.write({ payload });
    call.end();
  },
  bidi(client, done) {
    let count = 0;
    const call = client.Bidi();
    call.on('data', () => (++count < 20 ? call.write({ payload }) : call.end()));
    call.on('error', (error) => done({ error }));
    call.on('end', () => done({ count }));
    call.write({ payload });
  },
  metadata(client, done) {
    const md = new grpc.Metadata();
    const seen = {};
    md.set('x-echo', 'text');
    md.set('x-echo-bin', Buffer.from([0, 1, 255]));
    const call = client.Unary({}, md, (error) => { seen.error = error; });
    call.on('metadata', (initial) => { seen.initial = initial.get('x-echo')[0]; });
    call.on('status', (status) => {
      seen.trailing = status.metadata.get('x-echo-bin')[0].toString('hex');
      setImmediate(() => done(seen));
    });
  },
  status(client, done) {
    client.Unary({ fail_code: 9, fail_message: '100 % wröng' }, (error) => done({ code: error.code, text: error.details }));
  },
  deadline(client, done) {
    client.Unary({ delay_ms: 30000 }, { deadline: Date.now() + 200 }, (error) => done({ code: error.code }));
  },
  cancel(client, done) {
    const call = client.Bidi();
    call.on('data', () => call.cancel());
    call.on('error', (error) => done({ code: error.code }));
    call.write({ payload });
  },
};

function call(address, name) {
  const options = name === 'gzip' ? { ...large, 'grpc.default_compression_algorithm': 2 } : large;
  const client = new Echo(address, grpc.credentials.createInsecure(), options);
  cases[name](client, (result) => {
    if (result.error) result.error = String(result.error);
    console.log(JSON.stringify(result));
    client.close();
  });
}

if (process.argv[2] === 'serve') serve();
else call(process.argv[3], process.argv[4]);
