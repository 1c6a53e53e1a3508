package io.vllmd;

import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;
import com.tngtech.archunit.library.Architectures.LayeredArchitecture;
import java.util.List;

/** The layering of docs/architecture.md: each package may use those below it, never those above. */
@AnalyzeClasses(packages = "io.vllmd", importOptions = ImportOption.DoNotIncludeTests.class)
class LayersTest {
    private static final List<String> TOP_TO_BOTTOM = List.of(
            "daemon",
            "http",
            "api",
            "control",
            "runtime",
            "divergence",
            "chat",
            "media",
            "engine",
            "model",
            "hub",
            "metrics");

    @ArchTest
    static final ArchRule eachLayerUsesOnlyThoseBelow = layers();

    private static LayeredArchitecture layers() {
        LayeredArchitecture rule =
                layeredArchitecture().consideringOnlyDependenciesInLayers().withOptionalLayers(true);
        for (String layer : TOP_TO_BOTTOM) {
            // The protocol's messages live beside the settings, below all layers.
            rule = layer.equals("control")
                    ? rule.layer(layer).definedBy("io.vllmd.control")
                    : rule.layer(layer).definedBy("io.vllmd." + layer + "..");
        }
        for (int i = 0; i < TOP_TO_BOTTOM.size(); i++) {
            String layer = TOP_TO_BOTTOM.get(i);
            rule = i == 0
                    ? rule.whereLayer(layer).mayNotBeAccessedByAnyLayer()
                    : rule.whereLayer(layer)
                            .mayOnlyBeAccessedByLayers(
                                    TOP_TO_BOTTOM.subList(0, i).toArray(String[]::new));
        }
        return rule;
    }

    @ArchTest
    static final ArchRule onlyHttpKnowsNetty = ArchRuleDefinition.noClasses()
            .that()
            .resideOutsideOfPackages("io.vllmd.http..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.netty..");

    @ArchTest
    static final ArchRule wireFormatsAndTextKnowNoMlx = ArchRuleDefinition.noClasses()
            .that()
            .resideInAnyPackage("io.vllmd.http..", "io.vllmd.api..", "io.vllmd.control..", "io.vllmd.chat..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.vllmd.mlx..");

    @ArchTest
    static final ArchRule theEngineSeesTokenIdsOnly = ArchRuleDefinition.noClasses()
            .that()
            .resideInAnyPackage("io.vllmd.engine..", "io.vllmd.model..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.vllmd.chat..", "io.vllmd.runtime..");

    @ArchTest
    static final ArchRule theControlServerKnowsNoHttp = ArchRuleDefinition.noClasses()
            .that()
            .resideInAPackage("io.vllmd.control..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.vllmd.http..", "io.vllmd.api..");
}
