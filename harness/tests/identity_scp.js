// An acceptor of dcmjs-dimse with its own answers to user identities: node identity_scp.js PORT PASSCODE
const { Server, Scp, responses, constants } = require('dcmjs-dimse');
const { CEchoResponse } = responses;
const { PresentationContextResult, Status } = constants;
const [port, passcode] = process.argv.slice(2);

class Node extends Scp {
  associationRequested(association) {
    if (association.getNegotiateUserIdentity()) {
      const type = association.getUserIdentityType();
      const known = association.getUserIdentityPrimaryField() === 'alice'
        && (type === 1 || association.getUserIdentitySecondaryField() === passcode);
      if ((type === 1 || type === 2) && !known) {
        this.sendAssociationReject(1, 2, 1);
        return;
      }
      if ((type === 1 || type === 2) && association.getUserIdentityPositiveResponseRequested()) {
        association.setUserIdentityServerResponse('');
        association.setNegotiateUserIdentityServerResponse(true);
      }
    }
    for (const { id } of association.getPresentationContexts()) {
      const context = association.getPresentationContext(id);
      context.setResult(PresentationContextResult.Accept, context.getTransferSyntaxUids()[0]);
    }
    this.sendAssociationAccept();
  }

  cEchoRequest(request, callback) {
    const response = CEchoResponse.fromRequest(request);
    response.setStatus(Status.Success);
    callback(response);
  }

  associationReleaseRequested() {
    this.sendAssociationReleaseResponse();
  }
}

const server = new Server(Node);
server.on('networkError', () => {});
server.listen(Number(port), { host: '127.0.0.1' });
