"""aiosmtpd.py MAIL_DIR CA_DIR PORT...: servers until standard input ends; says "ready" when they listen.
The ports, in this order:
  starttls, implicit   TLS and AUTH PLAIN LOGIN are required
  login                the same by STARTTLS, but TLS 1.2, an RSA certificate, and LOGIN alone
  bare                 neither TLS nor AUTH nor SMTPUTF8; messages of 20000 octets at most
User user@example.test, password "s3cret pass".  Refused: recipients bad@ 550, tmp@ 451, kill@ 421; sender badfrom@ 553.
Each message is a pair of files in MAIL_DIR: NUMBER.eml, octet for octet, and NUMBER.json with its envelope."""
import asyncio
import json
import os
import ssl
import sys

sys.path.pop(0)  # this directory, where a module would be found under this file's name
from aiosmtpd.smtp import SMTP, AuthResult  # noqa: E402

mail, ca = sys.argv[1:3]
starttls, implicit, login, bare = map(int, sys.argv[3:])
count = 0


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        if address.startswith('badfrom@'):
            return '553 5.1.8 sender refused'
        envelope.mail_from, envelope.mail_options = address, options
        return '250 2.1.0 OK'

    async def handle_RCPT(self, server, session, envelope, address, options):
        refusals = {'bad': '550 5.1.1 no such user', 'tmp': '451 4.3.0 try later', 'kill': '421 4.3.2 shutting down'}
        refusal = refusals.get(address.split('@')[0])
        if refusal is None:
            envelope.rcpt_tos.append(address)
        return refusal or '250 2.1.5 OK'

    async def handle_DATA(self, server, session, envelope):
        global count
        count += 1
        path = os.path.join(mail, str(count))
        tls = session.ssl and session.ssl['ssl_object'] if isinstance(session.ssl, dict) else None
        tls = tls or server.transport.get_extra_info('ssl_object')
        user = session.auth_data
        with open(path + '.eml', 'wb') as file:
            file.write(envelope.original_content)
        with open(path + '.json', 'w', encoding='utf-8') as file:
            json.dump({'from': envelope.mail_from, 'to': envelope.rcpt_tos, 'options': envelope.mail_options,
                       'tls': tls and tls.version(), 'user': user and user.decode()}, file)
        return '250 2.0.0 OK'


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b'user@example.test' and data.password == b's3cret pass'
    return AuthResult(success=good, handled=False, auth_data=data.login)


def context(name):
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(f'{ca}/{name}.pem', f'{ca}/{name}.key')
    return made


async def main():
    good, rsa = context('good'), context('rsa')
    rsa.maximum_version = ssl.TLSVersion.TLSv1_2
    common = {'hostname': 'mx.example.test', 'enable_SMTPUTF8': True, 'data_size_limit': 30_000_000}
    auth = common | {'authenticator': authenticate, 'auth_required': True}
    upgraded = auth | {'require_starttls': True}
    plain = {'hostname': 'mx.example.test', 'data_size_limit': 20_000}
    for port, tls, options in [
        (starttls, None, upgraded | {'tls_context': good}),
        # It does not know that there is TLS already.
        (implicit, good, auth | {'auth_require_tls': False}),
        (login, None, upgraded | {'tls_context': rsa, 'auth_exclude_mechanism': ['PLAIN']}),
        (bare, None, plain),
    ]:
        def factory(options=options):
            return SMTP(Handler(), **options)
        await asyncio.get_running_loop().create_server(factory, '127.0.0.1', port, ssl=tls)
    print('ready', flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(main())
