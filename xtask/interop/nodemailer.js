// nodemailer.js MAIL_DIR CA_DIR PORT...: servers until standard input ends; says "ready" when they listen.
// The ports, in this order:
//   starttls, implicit   TLS and AUTH PLAIN LOGIN CRAM-MD5 are required
//   login                the same by STARTTLS, but TLS 1.2, an RSA certificate, and LOGIN alone
//   bare                 neither TLS nor AUTH nor PIPELINING, 8BITMIME, SMTPUTF8; messages of 20000 octets at most
//   few                  neither TLS nor AUTH nor SMTPUTF8; up to 5 recipients
// DSN and REQUIRETLS where there is TLS.
// User user@example.test, password "s3cret pass".  Refused: recipients bad@ 550, tmp@ 451, kill@ 421; sender badfrom@ 553.
// Each message is a pair of files in MAIL_DIR: NUMBER.eml, octet for octet, and NUMBER.json with its envelope.
'use strict';
const fs = require('fs');
const path = require('path');
const { SMTPServer } = require('smtp-server');

const [mail, ca, ...ports] = process.argv.slice(2);
let count = 0;
const refusal = (code, text) => Object.assign(new Error(text), { responseCode: code });
const certificate = name => ({ key: fs.readFileSync(path.join(ca, name + '.key')), cert: fs.readFileSync(path.join(ca, name + '.pem')) });

const common = {
  name: 'mx.example.test', disableReverseLookup: true, logger: false, size: 30000000,
  onMailFrom(address, session, done) {
    done(address.address.startsWith('badfrom@') ? refusal(553, 'sender refused') : null);
  },
  onRcptTo(address, session, done) {
    const refusals = { bad: [550, 'no such user'], tmp: [451, 'try later'], kill: [421, 'shutting down'] };
    const refused = refusals[address.address.split('@')[0]];
    done(refused ? refusal(...refused) : null);
  },
  onAuth(auth, session, done) {
    const good = auth.username === 'user@example.test'
      && (auth.method === 'CRAM-MD5' ? auth.validatePassword('s3cret pass') : auth.password === 's3cret pass');
    done(good ? null : refusal(535, 'bad credentials'), good ? { user: auth.username } : undefined);
  },
  onData(stream, session, done) {
    const chunks = [];
    stream.on('data', chunk => chunks.push(chunk));
    stream.on('end', () => {
      if (stream.sizeExceeded) return done(refusal(552, 'too big'));
      const { mailFrom, rcptTo } = session.envelope;
      const options = Object.entries(mailFrom.args || {}).map(([name, value]) => value === true ? name : `${name}=${value}`);
      const file = path.join(mail, String(++count));
      fs.writeFileSync(file + '.eml', Buffer.concat(chunks));
      fs.writeFileSync(file + '.json', JSON.stringify({
        from: mailFrom.address, to: rcptTo.map(to => to.address), options, asked: rcptTo.map(to => to.args || {}),
        tls: session.tlsOptions ? session.tlsOptions.version || session.tlsOptions.protocol : null, user: session.user || null,
      }));
      done(null, 'OK');
    });
  },
};
const auth = { ...common, hideDSN: false, hideREQUIRETLS: false, authMethods: ['PLAIN', 'LOGIN', 'CRAM-MD5'] };
const servers = [
  { ...auth, ...certificate('good') },
  { ...auth, ...certificate('good'), secure: true },
  { ...auth, ...certificate('rsa'), maxVersion: 'TLSv1.2', authMethods: ['LOGIN'] },
  { ...common, disabledCommands: ['STARTTLS', 'AUTH'], hidePIPELINING: true, hide8BITMIME: true, hideSMTPUTF8: true, size: 20000 },
  { ...common, disabledCommands: ['STARTTLS', 'AUTH'], hideSMTPUTF8: true, maxRecipients: 5 },
].map(options => new SMTPServer(options));

Promise.all(servers.map((server, index) => new Promise((listening, failed) => {
  server.on('error', error => { failed(error); console.error(error.message); }); // of a connection, once it listens
  server.listen(Number(ports[index]), '127.0.0.1', listening);
}))).then(() => console.log('ready'), () => process.exit(1));
process.stdin.on('end', () => process.exit(0)).resume();
