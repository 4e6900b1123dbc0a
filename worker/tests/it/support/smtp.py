"""A real SMTP server that misbehaves on request.

usage: smtp.py plain|tls|starttls FOLDER BEHAVIOUR...   (with SMTP_PORT set on that port)
With tls or starttls FOLDER holds certificate.pem and key.pem.
Each mail that is offered takes the next behaviour; the last one repeats:
  ok | 421 | 451 | 550 | cut (drop the connection after DATA) | slow:SECONDS (before the answer to DATA) | hang
Accepted mails are written to FOLDER/NUMBER.eml, offers are counted in FOLDER/offers. The port is the first line on stdout.
"""

import asyncio
import os
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP

kind = sys.argv[1]
folder = pathlib.Path(sys.argv[2])
behaviours = sys.argv[3:]


class Handler:
    offers = 0
    accepted = 0

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        session.behaviour = behaviours[min(Handler.offers, len(behaviours) - 1)]
        Handler.offers += 1
        (folder / "offers").write_text(str(Handler.offers))
        if session.behaviour == "421":
            return "421 4.3.2 closing for maintenance"
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if session.behaviour == "550":
            return f"550 5.1.1 <{address}> no such mailbox"
        if session.behaviour == "451":
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if session.behaviour == "cut":
            server.transport.abort()
            await asyncio.sleep(3600)
        if session.behaviour == "hang":
            await asyncio.sleep(3600)
        if session.behaviour.startswith("slow:"):
            await asyncio.sleep(float(session.behaviour.split(":")[1]))
        Handler.accepted += 1
        unfinished = folder / f".{Handler.accepted}.eml"
        unfinished.write_bytes(envelope.original_content)
        unfinished.rename(folder / f"{Handler.accepted}.eml")
        return "250 OK"


async def main():
    loop = asyncio.get_running_loop()
    outer, inner = None, {}
    if kind != "plain":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
        if kind == "tls":
            outer = context
        else:
            inner = {"tls_context": context, "require_starttls": True}
    server = await loop.create_server(lambda: SMTP(Handler(), hostname="localhost", **inner), "127.0.0.1", int(os.environ.get("SMTP_PORT", "0")), ssl=outer)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
