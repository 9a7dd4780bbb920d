// A storage node of dcmjs-dimse that accepts every proposal: node scp.js PORT FOLDER
const path = require('path');
const { Server, Scp, responses, constants } = require('dcmjs-dimse');
const { CEchoResponse, CStoreResponse } = responses;
const { PresentationContextResult, Status } = constants;
const [port, folder] = process.argv.slice(2);

class Node extends Scp {
  associationRequested(association) {
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

  cStoreRequest(request, callback) {
    const response = CStoreResponse.fromRequest(request);
    const name = `${request.getAffectedSopInstanceUid()}.dcm`;
    try {
      request.getDataset().toFile(path.join(folder, name));
      response.setStatus(Status.Success);
    } catch {
      response.setStatus(Status.ProcessingFailure);
    }
    callback(response);
  }

  associationReleaseRequested() {
    this.sendAssociationReleaseResponse();
  }
}

const server = new Server(Node);
server.on('networkError', () => {});
server.listen(Number(port), { host: '127.0.0.1' });
