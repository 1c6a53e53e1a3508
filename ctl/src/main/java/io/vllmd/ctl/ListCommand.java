package io.vllmd.ctl;

import io.vllmd.config.hf.HuggingFaceCache;
import io.vllmd.config.hf.Repository;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;

@CommandLine.Command(name = "list", description = "Tell which models lie on disk; needs no daemon.")
final class ListCommand extends Command {
    ListCommand(Options options) {
        super(options);
    }

    @Override
    public Integer call() {
        var cache = HuggingFaceCache.of(terminal().environment());
        List<Repository> repositories = cache.repositories();
        if (json()) {
            var members = new LinkedHashMap<String, Object>();
            members.put("folder", cache.hub().toString());
            members.put("models", repositories.stream().map(ListCommand::tree).toList());
            printJson("list", members);
        } else if (quiet()) {
            repositories.forEach(repository -> out().println(repository.id()));
        } else if (repositories.isEmpty()) {
            out().println("No model lies in " + cache.hub() + ".\nFetch one: hf download mlx-community/Qwen3-0.6B-8bit"
                    + "\nOr load the one that comes with vllmd: vllmctl load sprout");
        } else {
            var table = new Table("MODEL", "SIZE", "REVISIONS");
            repositories.forEach(repository -> table.row(
                    repository.id(),
                    Amounts.bytes(repository.bytes()),
                    String.join(
                            ", ",
                            repository.revisions().stream()
                                    .map(ListCommand::name)
                                    .toList())));
            table.print(terminal());
            out().println("Load one: vllmctl load MODEL");
        }
        return ExitCode.OK;
    }

    private static String name(Repository.Revision revision) {
        return revision.refs().isEmpty()
                ? revision.commit().substring(0, Math.min(8, revision.commit().length()))
                : String.join("/", revision.refs());
    }

    private static Map<String, Object> tree(Repository repository) {
        var tree = new LinkedHashMap<String, Object>();
        tree.put("id", repository.id());
        tree.put("folder", repository.folder().toString());
        tree.put("bytes", repository.bytes());
        tree.put(
                "revisions",
                repository.revisions().stream().map(Repository.Revision::commit).toList());
        return tree;
    }
}
